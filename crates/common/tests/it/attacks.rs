//! Strangers who open connections and then take their time: each part of a request has its limit.

use crate::service::{BODY, HEAD, IDLE, LONG, ask, get_of, limits, metrics, says, start, until, until_closed};
use common::server::Limits;
use futures_util::future::join_all;
use std::time::Duration;
use test_support::eventually;
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep},
};

/// For machines that have other things to do.
const SLACK: Duration = Duration::from_secs(2);
const HALF: &str = "GET /ok HTTP/1.1\r\nHost: acme.test\r\nX-Half: ";

#[tokio::test]
async fn half_sent_heads_are_closed() {
    let service = start(limits()).await;
    let started = Instant::now();
    let mut streams = join_all((0..300).map(|_| says(service.api, HALF))).await;
    let closed = join_all(streams.iter_mut().map(until_closed)).await;
    for (answer, at) in closed {
        assert!(answer.is_empty() && at - started < HEAD + SLACK, "{answer} after {:?}", at - started);
    }
    assert!(
        ask(service.ops, &HALF.replace("/ok", "/metrics")).await.is_empty(),
        "the second listener has the same limits"
    );
}

#[tokio::test]
async fn a_byte_now_and_then_does_not_prolong_a_head() {
    let service = start(limits()).await;
    let mut stream = says(service.api, HALF).await;
    let started = Instant::now();
    while stream.write_all(b"x").await.is_ok() {
        assert!(started.elapsed() < HEAD + SLACK);
        sleep(HEAD / 10).await;
    }
}

#[tokio::test]
async fn the_head_of_a_further_request_has_the_same_limit() {
    let service = start(Limits { idle: LONG, ..limits() }).await;
    let mut stream = says(service.api, &get_of("/ok")).await;
    until(&mut stream, "\r\n\r\nok").await;
    sleep(IDLE / 2).await;
    stream.write_all(HALF.as_bytes()).await.unwrap();
    let asked = Instant::now();
    let (answer, at) = until_closed(&mut stream).await;
    assert!(
        answer.is_empty() && at - asked >= HEAD - Duration::from_millis(50) && at - asked < HEAD + SLACK,
        "{answer} {:?}",
        at - asked
    );
}

#[tokio::test]
async fn a_connection_between_requests_lives_longer_than_a_head_and_not_for_ever() {
    let service = start(limits()).await;
    let mut stream = says(service.api, &get_of("/ok")).await;
    until(&mut stream, "\r\n\r\nok").await;
    sleep(HEAD + (IDLE - HEAD) / 2).await;
    stream.write_all(get_of("/ok").as_bytes()).await.unwrap();
    until(&mut stream, "\r\n\r\nok").await;
    let idle_from = Instant::now();
    let (answer, at) = until_closed(&mut stream).await;
    assert!(
        answer.is_empty() && at - idle_from >= IDLE - Duration::from_millis(50) && at - idle_from < IDLE + SLACK,
        "{:?}",
        at - idle_from
    );
}

#[tokio::test]
async fn a_slow_body_is_408_and_ends_the_connection() {
    let service = start(Limits { answer: LONG, exchange: LONG, ..limits() }).await;
    for body in ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
        let asked = Instant::now();
        let answer = ask(service.api, &format!("POST /echo HTTP/1.1\r\nHost: acme.test\r\n{body}")).await;
        assert!(
            answer.starts_with("HTTP/1.1 408 ")
                && answer.contains("\"body_timeout\"")
                && answer.contains("connection: close\r\n"),
            "{answer}"
        );
        assert!(asked.elapsed() < BODY + SLACK);
    }
}

#[tokio::test]
async fn a_slow_handler_is_503_whatever_was_sent() {
    let service = start(Limits { head: LONG, ..limits() }).await;
    let answer = ask(service.api, "GET /stuck HTTP/1.1\r\nHost: acme.test\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1\r\n"), "{answer}");
    // It does not read its body, so the body is not what took so long.
    let answer =
        ask(service.api, "POST /slow HTTP/1.1\r\nHost: acme.test\r\nConnection: close\r\nContent-Length: 3\r\n\r\na")
            .await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("late"), "{answer}");
}

#[tokio::test]
async fn whoever_does_not_read_the_answer_is_cut_off() {
    let service = start(limits()).await;
    let mut stream = says(service.api, &get_of("/endless")).await;
    until(&mut stream, "HTTP/1.1 200 OK").await;
    eventually("the connection is closed", async || {
        metrics(service.ops).await.contains("http_connections{listener=\"api\"} 0").then_some(())
    })
    .await;
}

#[tokio::test]
async fn too_many_or_too_large_headers_are_431() {
    let service = start(limits()).await;
    let many: String = (0..200).map(|number| format!("x-{number}: y\r\n")).collect();
    let large = format!("x-large: {}\r\n", "y".repeat(100_000));
    for headers in [many, large] {
        let answer = ask(service.api, &format!("GET /ok HTTP/1.1\r\nHost: acme.test\r\n{headers}\r\n")).await;
        // Its answer may be lost, as what was sent in vain resets the connection.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}
