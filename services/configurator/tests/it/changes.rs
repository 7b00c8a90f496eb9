//! Announcements: do product services hear of what another process has changed, and once?

use crate::{
    support::start,
    suspension::{resume, suspend},
};
use configurator::changes;
use futures_util::StreamExt;
use std::time::Duration;
use test_support::background;
use tokio_util::sync::CancellationToken;

/// The process that makes the changes has no loop, as if it had ended with its commit.
#[tokio::test]
async fn what_another_process_has_changed_is_announced_once() {
    let fixture = start().await;
    let redis = redis::Client::open(test_support::redis_url()).unwrap();
    let mut subscription = redis.get_async_pubsub().await.unwrap();
    subscription.subscribe(format!("{}hosts", fixture.platform.redis_prefix())).await.unwrap();
    let mut announced = subscription.into_on_message().map(|message| message.get_payload::<String>().expect("a host"));
    let other = fixture.another_app(&[]).await;
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(changes::run(other, background(), shutdown.clone()));
    let mut next = async || {
        let heard = tokio::time::timeout(Duration::from_secs(30), announced.next()).await;
        heard.expect("an announcement").expect("a subscription")
    };
    let hosts = ["acme.forum.localhost", "globex.forum.localhost"];
    for host in hosts {
        fixture.requested(host, &[]).await;
        assert_eq!(next().await, host);
    }
    for suspended in [true, false] {
        if suspended {
            suspend(&fixture, 1).await;
        } else {
            resume(&fixture, 2).await;
        }
        let mut told = [next().await, next().await];
        told.sort();
        assert_eq!(told, hosts, "each host of the tenant, suspended: {suspended}");
    }
    shutdown.cancel();
    running.await.unwrap();
}
