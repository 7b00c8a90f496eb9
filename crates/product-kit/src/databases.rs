//! The databases of the instances that this process serves.

use crate::{
    connections::{Connections, Target},
    database::Database,
    metering::Usage,
    orders::Orders,
    relay::{PASSES, Relay, Source},
};
use anyhow::Context;
use common::{problem::Problem, server::Lifecycle};
use contracts::{http::instances::HostRecord, id::InstanceId};
use messaging::Publisher;
use moka::{future::Cache, policy::EvictionPolicy};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;
use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::sync::Semaphore;

/// Connections that one instance may have in use at once, so that a busy one leaves room for the others.
pub(crate) const SHARE: usize = 4;
/// An instance that no request has asked for is forgotten; its outboxes rest until the next request.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// Instances known at once, some kilobytes each; the one asked for least recently makes room.
const MOST_INSTANCES: u64 = 10_000;

/// The databases that this process has to do with.
pub(crate) struct Databases {
    known: Cache<InstanceId, Database>,
    connections: Arc<Connections>,
    next_id: AtomicU64,
    publisher: Publisher,
    passes: Arc<Semaphore>,
    lifecycle: Lifecycle,
}

impl Databases {
    /// With at most `bound` connections to all of them.
    pub fn new(bound: usize, publisher: Publisher, lifecycle: Lifecycle) -> Self {
        let forget = |_, database: Database, _| database.forgotten().cancel();
        let known = Cache::builder()
            .max_capacity(MOST_INSTANCES)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(FORGOTTEN);
        let connections = Arc::new(Connections::new(bound));
        lifecycle.spawn(Arc::clone(&connections).sweep(lifecycle.shutdown.clone()));
        let (known, passes) = (known.eviction_listener(forget).build(), Arc::new(Semaphore::new(PASSES)));
        Self { known, connections, next_id: AtomicU64::new(0), publisher, passes, lifecycle }
    }

    /// The instance's database, known from now on, or under its new URL if it has moved.
    pub async fn open(&self, record: &HostRecord) -> Result<Database, Problem> {
        let url =
            record.database_url.as_ref().ok_or_else(|| Problem::unavailable(1, "The instance has no database yet."))?;
        if let Some(known) = self.known.get(&record.instance_id).await
            && known.is_at(url)
        {
            return Ok(known);
        }
        let database =
            self.database(&url.as_str().into(), &record.service).map_err(|error| Problem::internal(error.as_ref()))?;
        let source = Source::of(record);
        let usage = Relay::<Usage>::new(source.clone(), &database, self.publisher.clone(), Arc::clone(&self.passes));
        self.lifecycle.spawn(usage.run(self.lifecycle.shutdown.clone()));
        let orders = Relay::<Orders>::new(source, &database, self.publisher.clone(), Arc::clone(&self.passes));
        self.lifecycle.spawn(orders.run(self.lifecycle.shutdown.clone()));
        self.known.insert(record.instance_id, database.clone()).await;
        Ok(database)
    }

    fn database(&self, url: &SecretString, service: &str) -> anyhow::Result<Database> {
        // The error would quote the URL with its password.
        let options = PgConnectOptions::from_str(url.expose_secret())
            .ok()
            .context("the instance's database URL cannot be read")?;
        let target = Target {
            id: self.next_id.fetch_add(1, Relaxed),
            options: options.application_name(service),
            share: Arc::new(Semaphore::new(SHARE)),
        };
        Ok(Database::new(url.clone(), target, Arc::clone(&self.connections)))
    }
}
