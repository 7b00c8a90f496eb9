//! Can a stranger use up the connections for others? However many they hold, and whatever they do with them, others are served.

use crate::service::{ask, get_of, limits, says_from, start, until};
use common::server::Limits;
use futures_util::future::join_all;
use std::time::Duration;
use test_support::eventually;

const MOST: usize = 20;
const STRANGER: [u8; 4] = [127, 0, 0, 2];

async fn is_served_beside(bytes: &str) {
    let long = Duration::from_secs(60);
    let service = start(Limits { head: long, idle: long, body: long, answer: long, exchange: long, connections: MOST, ..limits() }).await;
    let _held = join_all((0..2 * MOST).map(|_| says_from(STRANGER, service.api, bytes))).await;
    for _ in 0..2 * MOST {
        let answer = ask(service.api, "GET /peer HTTP/1.1\r\nHost: acme.test\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("127.0.0.1"), "{answer}");
    }
}

#[tokio::test]
async fn beside_half_sent_heads() {
    is_served_beside("GET /ok HTTP/1.1\r\nHost: acme.test\r\nX-Half: ").await;
}

#[tokio::test]
async fn beside_silence() {
    is_served_beside("").await;
}

#[tokio::test]
async fn beside_idle_connections() {
    is_served_beside(&get_of("/ok")).await;
}

#[tokio::test]
async fn beside_bodies_that_do_not_end() {
    is_served_beside("POST /echo HTTP/1.1\r\nHost: acme.test\r\nContent-Length: 9\r\n\r\n").await;
}

#[tokio::test]
async fn connections_are_counted() {
    let service = start(limits()).await;
    let mut stream = says_from(STRANGER, service.api, &get_of("/ok")).await;
    until(&mut stream, "\r\n\r\nok").await;
    let shows = async |wanted: &str| {
        let shown = ask(service.ops, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        shown.contains(wanted).then_some(())
    };
    shows("http_connections{listener=\"api\"} 1").await.expect("one connection");
    drop(stream);
    eventually("it is counted no more", async || shows("http_connections{listener=\"api\"} 0").await).await;
}
