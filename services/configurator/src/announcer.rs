//! Announcements on Redis, by which product services forget at once what they know of a host.

use common::problem::Chain;
use redis::{AsyncCommands, RedisResult, aio::ConnectionManager};

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
