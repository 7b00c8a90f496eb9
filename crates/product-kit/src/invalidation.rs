//! Subscription to changes of hosts: what is known of one is forgotten the moment the configurator says so, on a
//! channel of Redis.

use crate::hosts::Hosts;
use common::problem::Chain;
use futures_util::StreamExt;
use redis::{Client, RedisError};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// A connection that was lost without a word is noticed within this time.
const PING: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause before subscribing again.
const RESUBSCRIBE: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("Redis failed")]
    Redis(#[from] RedisError),
    #[error("Redis does not answer a ping")]
    Silent(#[from] tokio::time::error::Elapsed),
    #[error("Redis closed the connection")]
    Closed,
}

/// Follows `channel`, whose payloads are host names, until `shutdown`.
pub(crate) async fn follow(client: Client, channel: String, hosts: Arc<Hosts>, shutdown: CancellationToken) {
    loop {
        let lost = tokio::select! {
            () = shutdown.cancelled() => return,
            lost = listen(&client, &channel, &hosts) => lost,
        };
        hosts.unsubscribed();
        if let Err(lost) = lost {
            tracing::warn!(error = %Chain(&lost), "Changes of instances are not announced right now, so hosts are \
                looked up more often");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(RESUBSCRIBE) => {}
        }
    }
}

async fn listen(client: &Client, channel: &str, hosts: &Hosts) -> Result<(), Lost> {
    let (mut commands, mut messages) = client.get_async_pubsub().await?.split();
    commands.subscribe(channel).await?;
    hosts.subscribed();
    let mut ping = tokio::time::interval(PING);
    loop {
        tokio::select! {
            message = messages.next() => hosts.forget(&message.ok_or(Lost::Closed)?.get_payload::<String>()?).await,
            _ = ping.tick() => { tokio::time::timeout(PING_TIMEOUT, commands.ping::<redis::Value>()).await??; }
        }
    }
}
