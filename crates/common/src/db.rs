//! How does a service reach its stores? One pool to its own database, one connection manager to Redis.

mod cache;

pub use cache::{connect_redis, redis_client};

use crate::config::Database;
use secrecy::ExposeSecret;
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::time::Duration;

/// A request waits no longer for a connection before it answers 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// A pool that connects when first used, so that a service starts while its database is still away.
pub fn connect(settings: &Database) -> Result<PgPool, sqlx::Error> {
    PgPoolOptions::new().max_connections(settings.max_connections).acquire_timeout(ACQUIRE_TIMEOUT).connect_lazy(settings.url.expose_secret())
}
