//! The same rules over HTTP/2, with frames written by hand (RFC 9113, RFC 7541).

use crate::service::{IDLE, limits, start};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
/// `:status` in HPACK's static table.
const OK: u8 = 0x88;
const BAD_REQUEST: u8 = 0x8c;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short frame");
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

fn literal(name: &[u8], value: &str) -> Vec<u8> {
    [name, &[u8::try_from(value.len()).expect("a short value")], value.as_bytes()].concat()
}

/// `GET /ok`, for `authority` and, in a header, for `host`.
fn request(authority: &str, host: Option<&str>) -> Vec<u8> {
    let (get, http) = (0x82, 0x86);
    let (path, authority) = (literal(&[0x04], "/ok"), literal(&[0x01], authority));
    let host = host.map(|host| literal(&[0x0f, 0x17], host)).unwrap_or_default();
    frame(HEADERS, 0x5, 1, &[&[get, http][..], &path, &authority, &host].concat())
}

async fn connect(server: SocketAddr, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), request].concat()).await.unwrap();
    stream
}

/// The first byte of the next frame of this kind; `None` at the end.
async fn next(stream: &mut TcpStream, kind: u8) -> Option<u8> {
    loop {
        let mut head = [0; 9];
        timeout(Duration::from_secs(10), stream.read_exact(&mut head)).await.expect("a frame in time").ok()?;
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut payload).await.ok()?;
        if head[3] == kind {
            return payload.first().copied();
        }
    }
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    let service = start(limits()).await;
    for (host, status) in [(None, OK), (Some("acme.test"), OK), (Some("bank.test"), BAD_REQUEST)] {
        let mut stream = connect(service.api, &request("acme.test", host)).await;
        assert_eq!(next(&mut stream, HEADERS).await, Some(status), "{host:?}");
    }
}

#[tokio::test]
async fn a_connection_is_closed_without_a_request_and_between_requests() {
    let service = start(limits()).await;
    let mut silent = connect(service.api, &[]).await;
    assert_eq!(next(&mut silent, HEADERS).await, None);
    let mut stream = connect(service.api, &request("acme.test", None)).await;
    assert_eq!(next(&mut stream, HEADERS).await, Some(OK));
    let idle_from = Instant::now();
    assert!(next(&mut stream, GO_AWAY).await.is_some(), "it is told");
    assert!(idle_from.elapsed() >= IDLE - Duration::from_millis(50));
    while next(&mut stream, GO_AWAY).await.is_some() {}
}
