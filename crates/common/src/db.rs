//! How does a service reach its stores? One pool to its own database, one connection manager to Redis.

mod cache;
mod walls;

pub(crate) use cache::resend;
pub use cache::{connect_redis, redis_client};
pub use walls::{begin, begin_for, begin_platform, begin_snapshot, is_above_walls};

use crate::config::Database;
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

/// Our statements are short, and the walls' policies make the planner think otherwise: compiling one takes longer than running it.
const NO_JIT: &str = "SET jit = off";

/// A pool that connects when first used, so that a service starts while its database is still away.
pub fn connect(settings: &Database) -> Result<PgPool, sqlx::Error> {
    let checked = Arc::new(AtomicBool::new(false));
    PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(move |conn, _| {
            let first = !checked.swap(true, Ordering::Relaxed);
            Box::pin(async move {
                sqlx::query(NO_JIT).execute(&mut *conn).await?;
                if first { warn_if_above_walls(conn).await } else { Ok(()) }
            })
        })
        .connect_lazy(settings.url.expose_secret())
}

async fn warn_if_above_walls(conn: &mut PgConnection) -> sqlx::Result<()> {
    if is_above_walls(conn).await? {
        tracing::warn!("The database's role is a superuser or has BYPASSRLS: no row-level security stands between tenants. Log in as a plain role");
    }
    Ok(())
}
