//! Pool of connections to the service's own database.

use crate::{
    ambient::Ambient,
    config::Database,
    poller::{Wake, Wakes},
};
use secrecy::ExposeSecret;
use sqlx::{PgConnection, PgPool, Row, postgres::PgPoolOptions};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A request waits no longer for a connection before it answers 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// Our statements are short, and the walls' policies make the planner think otherwise: compiling one takes longer than
/// running it.
/// And an idle transaction ends: whoever is cut off with one open, or stands still for longer than anything that we do
/// within one, would else keep its locks until TCP notices.
const SETTINGS: &str = "SET jit = off; SET idle_in_transaction_session_timeout = '60s'";

const WRITABLE: &str = "SELECT NOT pg_is_in_recovery() AND NOT current_setting('transaction_read_only')::boolean";

/// Whether it can be written, and whether no transaction is open: alone, a statement begins when its transaction does.
/// Only as a simple query: of a prepared one, the transaction begins with Bind and the statement with Execute.
const STATE: &str = "SELECT NOT pg_is_in_recovery() AND NOT current_setting('transaction_read_only')::boolean,
    now() = statement_timestamp()";

/// A read-only connection is kept for this long: reading still works, and a new connection for each request would be a
/// burden.
const READ_ONLY_AGE: Duration = Duration::from_secs(2);

/// The service's own database, and whom its commits wake; cheap to clone.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    pool: PgPool,
    service: &'static str,
    ambient: Ambient,
    wakes: Wakes,
}

impl Db {
    /// As [`connect`], for the service of this name.
    pub fn connect(settings: &Database, service: &'static str, ambient: Ambient) -> Result<Self, sqlx::Error> {
        Ok(Self::new(connect(settings)?, service, ambient))
    }

    pub fn new(pool: PgPool, service: &'static str, ambient: Ambient) -> Self {
        Self(Arc::new(Inner { pool, service, ambient, wakes: Wakes::default() }))
    }

    /// Connections without a scope: row-level security shows them no tenant's rows.
    pub fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    /// Name of the service: the source of its messages.
    pub fn service(&self) -> &'static str {
        self.0.service
    }

    pub fn ambient(&self) -> &Ambient {
        &self.0.ambient
    }

    /// What wakes the loop that does `work`; see [`Scoped::wake`].
    pub fn wake(&self, work: &'static str) -> Wake {
        self.0.wakes.get(work)
    }
}

/// A pool that connects when first used, so that a service starts while its database is still away.
pub fn connect(settings: &Database) -> Result<PgPool, sqlx::Error> {
    let checked = Arc::new(AtomicBool::new(false));
    PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // The question below finds out as well whether the connection is alive.
        .test_before_acquire(false)
        .before_acquire(|conn, meta| {
            Box::pin(async move {
                let state = sqlx::raw_sql(STATE).fetch_one(conn).await?;
                let (writable, idle): (bool, bool) = (state.try_get(0)?, state.try_get(1)?);
                // Whoever was cut off while their transaction began has left it open, in the scope of its tenant.
                Ok(idle && (writable || meta.age < READ_ONLY_AGE))
            })
        })
        .after_connect(move |conn, _| {
            let first = !checked.swap(true, Ordering::Relaxed);
            Box::pin(async move {
                sqlx::raw_sql(SETTINGS).execute(&mut *conn).await?;
                if first { warn_if_above_walls(conn).await } else { Ok(()) }
            })
        })
        .connect_lazy(settings.url.expose_secret())
}

/// A connection that was opened while the database was read-only stays so when that is over, and must not be used
/// again.
pub async fn is_writable(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar(WRITABLE).fetch_one(conn).await
}

/// Whether PostgreSQL lets the connection's role through every wall: a superuser, or one that was given BYPASSRLS.
pub async fn is_above_walls(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        .fetch_one(conn)
        .await
}

async fn warn_if_above_walls(conn: &mut PgConnection) -> sqlx::Result<()> {
    if is_above_walls(conn).await? {
        tracing::warn!(
            "The database's role is a superuser or has BYPASSRLS: no row-level security stands between tenants. Log \
             in as a plain role"
        );
    }
    Ok(())
}
