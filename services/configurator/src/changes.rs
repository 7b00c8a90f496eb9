//! How do product services hear at once that an instance has changed? A commit notifies us, and we tell Redis.
//!
//! A notification is sent by PostgreSQL when the change is committed, so none goes out for what was rolled back, and none is forgotten by
//! whoever makes the change. What was missed while the connection was down is told when it is back.

use crate::{app::App, instances::store};
use chrono::{DateTime, TimeDelta, Utc};
use common::{db, problem::Chain};
use redis::{AsyncCommands, RedisResult, aio::ConnectionManager};
use sqlx::postgres::PgListener;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The trigger of the migrations notifies on it, with the host.
const CHANNEL: &str = "instance_changed";
/// Pause before listening again.
const RECONNECT: Duration = Duration::from_secs(1);
/// A change counts as missed from this long before the connection was last heard of: clocks differ, and commits take time.
const OVERLAP: TimeDelta = TimeDelta::seconds(60);

/// Tells product services to forget what they know of a host; cheap to clone.
#[derive(Clone)]
pub struct Announcer {
    redis: ConnectionManager,
    channel: String,
}

impl Announcer {
    pub fn new(redis: ConnectionManager, prefix: &str) -> Self {
        Self { redis, channel: format!("{prefix}hosts") }
    }

    /// While Redis is away nobody hears it, and what products remember of hosts expires soon.
    pub async fn announce(&self, host: &str) {
        let told: RedisResult<i64> = self.redis.clone().publish(&self.channel, host).await;
        if let Err(error) = told {
            tracing::warn!(error = %Chain(&error), "A change of an instance was not announced");
        }
    }
}

/// Announces every change until `shutdown`, and wakes the provisioner.
pub async fn run(app: App, shutdown: CancellationToken) {
    let mut heard = app.ambient.now();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            lost = follow(&app, &mut heard) => if let Err(error) = lost {
                tracing::warn!(error = %Chain(&error), "Changes of instances are not heard of right now");
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(RECONNECT) => {}
        }
    }
}

/// Ends when the connection is lost.
async fn follow(app: &App, heard: &mut DateTime<Utc>) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(&app.pool).await?;
    listener.listen(CHANNEL).await?;
    for host in store::hosts_changed_since(&mut *db::begin_platform(&app.pool).await?, *heard - OVERLAP).await? {
        app.announcer.announce(&host).await;
    }
    app.provision.notify_one();
    loop {
        *heard = app.ambient.now();
        let Some(notification) = listener.try_recv().await? else { return Ok(()) };
        app.announcer.announce(notification.payload()).await;
        app.provision.notify_one();
    }
}
