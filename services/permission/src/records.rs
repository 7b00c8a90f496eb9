//! Records of what a principal may do, made for the cache: stamps first, then the database, then the record under those
//! stamps.
//!
//! A change between the two reads writes new stamps after its commit, so the record made of the old rows never counts.

pub(crate) mod routes;

use crate::effective;
use access::{Fill, Permissions, RecordStore, SingleFlight};
use common::{ambient::Ambient, db::Db, problem::Problem};
use contracts::id::{Principal, TenantId};
use futures_util::future::BoxFuture;
use redis::RedisResult;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// Without an expiry the cache decides how long a record lives.
const NO_EXPIRY: Duration = Duration::MAX;
/// Redis counts a record's life in whole seconds, so one that must end earlier is not left there at all.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);
/// Fills that read the database at once, over all services and principals; the other connections of the pool are for
/// everything else, also when the cache starts empty under full traffic.
pub const FILLS_AT_ONCE: usize = 4;
/// A fill waits no longer for either of its steps in Redis; what could not be left there is answered all the same.
const REDIS_PATIENCE: Duration = Duration::from_millis(100);
/// After Redis has failed a fill, the next ones go without it for so long.
const REDIS_PAUSE: Duration = Duration::from_millis(500);

/// Reads permissions and leaves them in the cache; cheap to clone.
#[derive(Clone)]
pub struct Records(SingleFlight<(TenantId, Principal), Permissions>);

struct Filler {
    db: Db,
    store: RecordStore,
    ambient: Ambient,
    redis_failed: Mutex<Option<Instant>>,
}

impl Records {
    pub fn new(db: Db, store: RecordStore, ambient: Ambient) -> Self {
        let filler = Arc::new(Filler { db, store, ambient, redis_failed: Mutex::default() });
        Self(SingleFlight::new(FILLS_AT_ONCE, move |(tenant, principal)| {
            let filler = Arc::clone(&filler);
            Box::pin(async move { filler.fill(tenant, &principal).await })
        }))
    }
}

impl Fill for Records {
    fn fill<'a>(&'a self, tenant: TenantId, principal: &'a Principal) -> BoxFuture<'a, Result<Permissions, Problem>> {
        Box::pin(self.0.ask((tenant, principal.clone())))
    }
}

impl Filler {
    /// What the principal may do in the tenant right now. With Redis away it is still true, only not left there.
    #[expect(clippy::disallowed_methods, reason = "the permission check itself: nobody has been admitted yet")]
    async fn fill(&self, tenant: TenantId, principal: &Principal) -> Result<Permissions, Problem> {
        let stamps = self.patiently(self.store.stamps(tenant, principal)).await;
        let effective =
            effective::store::read(&mut self.db.begin(tenant).await?, principal).await?.at(self.ambient.now());
        let left = effective.until.map_or(NO_EXPIRY, |until| (until - self.ambient.now()).to_std().unwrap_or_default());
        if let Some(stamps) = stamps
            && left >= SHORTEST_LIFE
        {
            self.patiently(self.store.write(tenant, principal, stamps, &effective.permissions, left)).await;
        }
        Ok(Arc::new(effective.permissions))
    }

    /// `None` if Redis does not do it in time, or has just failed another fill.
    async fn patiently<T>(&self, step: impl Future<Output = RedisResult<T>>) -> Option<T> {
        if self.redis_failed().is_some_and(|at| at.elapsed() < REDIS_PAUSE) {
            return None;
        }
        let failed = match timeout(REDIS_PATIENCE, step).await {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {REDIS_PATIENCE:?}"),
        };
        tracing::warn!(error = failed, "A record was made but not left in Redis");
        *self.redis_failed() = Some(Instant::now());
        None
    }

    fn redis_failed(&self) -> MutexGuard<'_, Option<Instant>> {
        self.redis_failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
