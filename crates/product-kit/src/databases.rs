//! How is an instance's own database reached? Through a small pool that opens at the first request and closes when nobody asks any more.

use crate::{directory::HostRecord, metering::Metering};
use anyhow::Context;
use common::{problem::Problem, server::Lifecycle};
use contracts::id::InstanceId;
use messaging::Publisher;
use moka::future::Cache;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{str::FromStr, sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Instances are many and share one server's connections, so each gets few.
const CONNECTIONS: u32 = 4;
/// A request waits no longer for a connection before it answers 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection that nothing uses goes back to the server.
const CONNECTION_IDLE: Duration = Duration::from_secs(60);
/// A pool that no request has asked for is closed.
const POOL_IDLE: Duration = Duration::from_secs(600);
/// Pools open at once; with all of them busy, that is this times `CONNECTIONS` connections.
const MOST_POOLS: u64 = 200;

/// One instance's database, and the word that something may lie in its outbox.
#[derive(Clone)]
pub(crate) struct Database {
    pub pool: PgPool,
    pub wake: Arc<Notify>,
    url: SecretString,
}

/// The open databases of this process.
pub(crate) struct Databases {
    open: Cache<InstanceId, Database>,
    publisher: Publisher,
    lifecycle: Lifecycle,
}

impl Databases {
    pub fn new(publisher: Publisher, lifecycle: Lifecycle) -> Self {
        let close = |_, database: Database, _| drop(tokio::spawn(async move { database.pool.close().await }));
        Self { open: Cache::builder().max_capacity(MOST_POOLS).time_to_idle(POOL_IDLE).eviction_listener(close).build(), publisher, lifecycle }
    }

    /// The open database of the instance, opened now if it is not, or has moved.
    pub async fn open(&self, record: &HostRecord) -> Result<Database, Problem> {
        let url = record.database_url.as_ref().ok_or_else(|| Problem::unavailable(1, "The instance has no database yet."))?;
        if let Some(open) = self.open.get(&record.instance_id).await
            && open.url.expose_secret() == url.expose_secret()
            && !open.pool.is_closed()
        {
            return Ok(open);
        }
        let pool = connect(url, &record.service).map_err(|error| Problem::internal(error.as_ref()))?;
        let database = Database { pool, wake: Arc::default(), url: url.clone() };
        let metering = Metering::new(record, &database, self.publisher.clone());
        self.lifecycle.spawn(metering.run(self.lifecycle.shutdown.clone()));
        self.open.insert(record.instance_id, database.clone()).await;
        Ok(database)
    }
}

fn connect(url: &SecretString, service: &str) -> anyhow::Result<PgPool> {
    // The error would quote the URL with its password.
    let options = PgConnectOptions::from_str(url.expose_secret()).ok().context("the instance's database URL cannot be read")?.application_name(service);
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT).idle_timeout(CONNECTION_IDLE);
    Ok(pool.connect_lazy_with(options))
}
