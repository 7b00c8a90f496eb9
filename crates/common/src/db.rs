//! How does a service reach its stores? One pool to its own database, one connection manager to Redis.

mod walls;

pub use walls::{begin, begin_for, begin_platform, begin_snapshot, is_above_walls};

use crate::config::{Base, Database};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use secrecy::ExposeSecret;
use sqlx::{PgConnection, PgPool, postgres::PgPoolOptions};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A request waits no longer for a connection before it answers 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A command that Redis does not answer in this time counts as an outage.
const REDIS_TIMEOUT: Duration = Duration::from_millis(800);

/// A pool that connects when first used, so that a service starts while its database is still away.
pub fn connect(settings: &Database) -> Result<PgPool, sqlx::Error> {
    let checked = Arc::new(AtomicBool::new(false));
    PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(move |conn, _| {
            let first = !checked.swap(true, Ordering::Relaxed);
            Box::pin(async move { if first { warn_if_above_walls(conn).await } else { Ok(()) } })
        })
        .connect_lazy(settings.url.expose_secret())
}

async fn warn_if_above_walls(conn: &mut PgConnection) -> sqlx::Result<()> {
    if is_above_walls(conn).await? {
        tracing::warn!("The database's role is a superuser or has BYPASSRLS: no row-level security stands between tenants. Log in as a plain role");
    }
    Ok(())
}

/// A connection to Redis that reconnects by itself and is made when first used.
pub fn connect_redis(base: &Base) -> Result<ConnectionManager, redis::RedisError> {
    let client = redis::Client::open(base.redis_url.expose_secret())?;
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(REDIS_TIMEOUT))
        .set_connection_timeout(Some(REDIS_TIMEOUT))
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(200));
    ConnectionManager::new_lazy_with_config(client, config)
}
