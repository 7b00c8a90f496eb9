//! Strangers who hold connections: however many they have, and whatever they do with them, others are served.

use crate::service::{LONG, ask, get_of, limits, metrics, says_from, start, until};
use common::server::Limits;
use futures_util::future::join_all;
use test_support::eventually;

const MOST: usize = 20;
const STRANGER: [u8; 4] = [127, 0, 0, 2];

#[tokio::test]
async fn others_are_served_beside_whatever_a_stranger_holds() {
    let patient = Limits { head: LONG, idle: LONG, body: LONG, answer: LONG, exchange: LONG, ..limits() };
    let half_a_head = "GET /ok HTTP/1.1\r\nHost: acme.test\r\nX-Half: ";
    let half_a_body = "POST /echo HTTP/1.1\r\nHost: acme.test\r\nContent-Length: 9\r\n\r\n";
    for bytes in ["", half_a_head, half_a_body, &get_of("/ok")] {
        let service = start(Limits { connections: MOST, ..patient.clone() }).await;
        let _held = join_all((0..2 * MOST).map(|_| says_from(STRANGER, service.api, bytes))).await;
        for _ in 0..2 * MOST {
            let answer = ask(service.api, "GET /peer HTTP/1.1\r\nHost: acme.test\r\nConnection: close\r\n\r\n").await;
            assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("127.0.0.1"), "{bytes}: {answer}");
        }
    }
}

#[tokio::test]
async fn there_are_never_more_than_the_listener_has() {
    let service = start(Limits { head: LONG, connections: MOST, ..limits() }).await;
    let _held = join_all((0..3 * MOST).map(|_| says_from(STRANGER, service.api, ""))).await;
    let (displaced, left) = (2 * MOST, MOST);
    eventually("all others had to go", async || {
        let shown = metrics(service.ops).await;
        let closed = format!("http_connections_closed_total{{listener=\"api\",why=\"displaced\"}} {displaced}");
        (shown.contains(&closed) && shown.contains(&format!("http_connections{{listener=\"api\"}} {left}\n")))
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn connections_are_counted() {
    let service = start(limits()).await;
    let mut stream = says_from(STRANGER, service.api, &get_of("/ok")).await;
    until(&mut stream, "\r\n\r\nok").await;
    let shows = async |wanted: &str| {
        let shown = metrics(service.ops).await;
        shown.contains(wanted).then_some(())
    };
    shows("http_connections{listener=\"api\"} 1").await.expect("one connection");
    drop(stream);
    eventually("it is counted no more", async || shows("http_connections{listener=\"api\"} 0").await).await;
}
