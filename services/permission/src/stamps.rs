//! Stamps, by which the cache forgets. A change invalidates records in its transaction ([`store`]); the new stamps are
//! written after it.
//!
//! Whoever must not answer before the stamp is there calls [`Stamps::flush`] at once; [`run`] writes the rest: those of
//! message handlers, which cannot act after their commit, and those that an outage of Redis or a crash left pending.

pub mod store;

use access::RecordStore;
use common::{
    db::{CrossTenantTx, Db, Scoped},
    poller::Poller,
};
use contracts::id::TenantId;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a commit wakes [`run`] for.
const PENDING: &str = "pending stamps";
/// Looks for pending stamps this often: a process that ended left some, and other processes wake nobody here.
const POLL: Duration = Duration::from_secs(1);

/// Writes new stamps into Redis; cheap to clone.
#[derive(Clone)]
pub struct Stamps {
    db: Db,
    store: RecordStore,
}

/// The stamp is still pending.
#[derive(Debug, thiserror::Error)]
pub enum FlushError {
    #[error("the pending stamps cannot be read")]
    Database(#[from] sqlx::Error),
    #[error("Redis does not take the stamp")]
    Redis(#[from] redis::RedisError),
    #[error("a pending stamp names no principal")]
    Principal(#[from] contracts::id::NotAPrincipal),
}

/// Makes the commit wake [`run`], for changes whose author cannot flush.
pub fn leave_to_background(tx: &mut impl Scoped) {
    tx.wake(PENDING);
}

impl Stamps {
    pub fn new(db: Db, store: RecordStore) -> Self {
        Self { db, store }
    }

    /// Writes the pending stamps of a tenant, or of all, after the commit. One is deleted only by whoever wrote it
    /// after reading it: what is gone was written, and two who flush at once merely write twice.
    pub async fn flush(&self, tenant: Option<TenantId>) -> Result<(), FlushError> {
        loop {
            let pending = store::pending(&mut self.begin().await?, tenant).await?;
            for stamp in &pending {
                match &stamp.principal {
                    Some(principal) => self.store.restamp_principal(stamp.tenant, &principal.parse()?).await?,
                    None => self.store.restamp_tenant(stamp.tenant).await?,
                }
            }
            if !pending.is_empty() {
                let mut tx = self.begin().await?;
                store::remove(&mut tx, &pending).await?;
                tx.commit().await?;
            }
            if pending.len() < store::BATCH {
                return Ok(());
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "stamps are written after the transactions that made them")]
    async fn begin(&self) -> sqlx::Result<CrossTenantTx> {
        self.db.begin_across_tenants().await
    }
}

/// Flushes until `shutdown`, through any outage of PostgreSQL or Redis.
pub async fn run(stamps: Stamps, shutdown: CancellationToken) {
    let mut poller = Poller::new(stamps.db.wake(PENDING), POLL, shutdown);
    while poller.next().await {
        let flushed = stamps.flush(None).await.map(|()| false);
        poller.report(flushed, "Stamps are pending and cannot be written yet");
    }
}
