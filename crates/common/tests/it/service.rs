//! A service with little to say, and callers who write bytes rather than requests.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    routing::{get, post},
};
use common::{
    config::{Base, Env},
    page::Page,
    server::{Bound, Health, Lifecycle, Limits},
    trace,
};
use futures_util::stream;
use std::{convert::Infallible, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

pub const HEAD: Duration = Duration::from_millis(400);
pub const IDLE: Duration = Duration::from_millis(800);
pub const BODY: Duration = Duration::from_millis(400);
/// For what a test is not about.
pub const LONG: Duration = Duration::from_secs(60);
/// Whatever has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of an answer that never ends, and so is larger than what the system's buffers between two processes hold.
static PART: [u8; 1 << 16] = [b'x'; 1 << 16];

async fn what_it_is_a_part_of() -> Json<(Option<String>, Option<String>)> {
    Json((trace::current().map(|step| step.to_string()), trace::request_id().map(|id| id.to_string())))
}

pub struct Service {
    pub api: SocketAddr,
    pub ops: SocketAddr,
    pub lifecycle: Lifecycle,
    pub serving: JoinHandle<()>,
}

/// As services have them, only shorter.
pub fn limits() -> Limits {
    Limits {
        head: HEAD,
        idle: IDLE,
        body: BODY,
        answer: Duration::from_secs(2),
        exchange: Duration::from_secs(3),
        ..Limits::default()
    }
}

pub fn base(variables: &[(&str, &str)]) -> Base {
    let usual = [
        ("LISTEN_ADDR", "127.0.0.1:0"),
        ("OPS_ADDR", "127.0.0.1:0"),
        ("REDIS_URL", "redis://127.0.0.1:1"),
        ("AUTH_URL", "http://127.0.0.1:1"),
        ("PERMISSION_URL", "http://127.0.0.1:1"),
        ("TOKEN_ISSUER", "http://127.0.0.1:1"),
        ("CLIENT_SECRET", "x"),
        ("AWS_ACCOUNT_ID", "000000000000"),
        ("AWS_REGION", "eu-central-1"),
        ("CORS_ORIGINS", "https://app.example.com"),
    ];
    let mut env =
        Env::new(usual.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let base = Base::read(&mut env, "test", 1);
    env.finish(base).expect("a complete environment")
}

pub async fn start(limits: Limits) -> Service {
    common::crypto::install();
    common::telemetry::metrics();
    let document = serde_json::json!({"openapi": "3.1.0", "info": {"title": "Test", "version": "1"}, "paths": {}});
    let router = Router::new()
        .route("/ok", get(async || "ok"))
        .route("/trace", get(what_it_is_a_part_of))
        .route("/own", get(async || ([("cache-control", "max-age=60")], "ok")))
        .route("/large", get(async || "x".repeat(2000)))
        .route("/secret", get(async || ([("cache-control", "no-store")], "x".repeat(2000))))
        .route("/events", get(async || ([("content-type", "text/event-stream")], "x".repeat(2000))))
        .route("/list", get(async || Page::up_to(vec!["x".repeat(2000)], Some(7_i64))))
        .route("/peer", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string()))
        .route("/echo", post(async |body: Bytes| body))
        .route("/slow", get(slow).post(slow))
        .route("/stuck", get(std::future::pending::<()>))
        .route(
            "/endless",
            get(async || Body::from_stream(stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&PART))))),
        )
        .merge(common::openapi::routes(
            document,
            common::openapi::Pages::default(),
            &common::openapi::Documents::default(),
        ));
    let bound = Bound::bind(&base(&[])).await.expect("binding ports").limits(limits);
    let (api, ops) = (bound.address().expect("a port"), bound.ops_address().expect("a port"));
    let lifecycle = Lifecycle::default();
    let running = lifecycle.clone();
    let serving = tokio::spawn(async move { bound.serve(router, Health::default(), running).await.expect("serving") });
    Service { api, ops, lifecycle, serving }
}

async fn slow() -> &'static str {
    sleep(Duration::from_millis(500)).await;
    "late"
}

/// A connection that says `bytes` and then waits.
pub async fn says(server: SocketAddr, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server).await.expect("connecting");
    stream.write_all(bytes.as_bytes()).await.expect("writing");
    stream
}

/// The same from another address of this machine.
pub async fn says_from(source: [u8; 4], server: SocketAddr, bytes: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((source, 0).into()).expect("an address of the loopback device");
    let mut stream = socket.connect(server).await.expect("connecting");
    stream.write_all(bytes.as_bytes()).await.expect("writing");
    stream
}

/// All that comes until the other side closes, and when it did.
pub async fn until_closed(stream: &mut TcpStream) -> (String, Instant) {
    let mut received = Vec::new();
    // A reset is an end as well.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut received)).await.expect("the connection is closed");
    (String::from_utf8_lossy(&received).into_owned(), Instant::now())
}

/// What comes until `end` has come.
pub async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut received = Vec::new();
    while !String::from_utf8_lossy(&received).contains(end) {
        let mut buffer = [0; 4096];
        let read = timeout(PATIENCE, stream.read(&mut buffer)).await.expect("an answer in time").expect("an answer");
        assert_ne!(read, 0, "closed after {:?}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&received).into_owned()
}

/// One request on a connection of its own, which ends with it.
pub async fn ask(server: SocketAddr, request: &str) -> String {
    until_closed(&mut says(server, request).await).await.0
}

/// A request for `path` that keeps its connection.
pub fn get_of(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: acme.test\r\n\r\n")
}

/// What the second listener counts.
pub async fn metrics(ops: SocketAddr) -> String {
    ask(ops, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await
}
