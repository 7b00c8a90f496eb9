//! The stop of a service: what was begun is finished, and nobody holds it up.

use crate::service::{LONG, get_of, limits, metrics, says, start, until, until_closed};
use common::server::Limits;
use std::time::Duration;
use test_support::eventually;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

#[tokio::test]
async fn requests_finish_and_idle_connections_end() {
    // Whoever is in the middle of a head has the usual time for it.
    let service = start(Limits { head: Duration::from_secs(2), idle: LONG, ..limits() }).await;
    let mut idle = says(service.api, &get_of("/ok")).await;
    until(&mut idle, "\r\n\r\nok").await;
    let mut half = says(service.api, "GET /ok HT").await;
    let mut busy = says(service.api, &get_of("/slow")).await;
    let all = "http_connections{listener=\"api\"} 3";
    eventually("all are there", async || metrics(service.ops).await.contains(all).then_some(())).await;
    let ordered = Instant::now();
    service.lifecycle.shutdown.cancel();
    let (answer, _) = until_closed(&mut busy).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close\r\n") && answer.ends_with("late"),
        "{answer}"
    );
    until_closed(&mut idle).await;
    until_closed(&mut half).await;
    timeout(Duration::from_secs(5), service.serving).await.expect("it ends").unwrap();
    assert!(ordered.elapsed() < Duration::from_secs(3), "{:?}", ordered.elapsed());
    assert!(TcpStream::connect(service.api).await.is_err());
}

/// With tasks and requests that never end.
#[tokio::test]
async fn everything_shares_one_deadline() {
    let stop = Duration::from_millis(700);
    let service = start(Limits { stop, head: LONG, idle: LONG, answer: LONG, ..limits() }).await;
    service.lifecycle.spawn(std::future::pending());
    let mut stuck = says(service.api, &get_of("/stuck")).await;
    let mut other = says(service.api, &get_of("/ok")).await;
    until(&mut other, "\r\n\r\nok").await;
    let ordered = Instant::now();
    service.lifecycle.shutdown.cancel();
    timeout(Duration::from_secs(5), service.serving).await.expect("it ends").unwrap();
    assert!(ordered.elapsed() >= stop && ordered.elapsed() < stop * 2, "{:?}", ordered.elapsed());
    until_closed(&mut stuck).await;
}
