//! Locks of tenants: writers of one tenant wait for each other here, where a waiting one holds no connection to the
//! database.
//!
//! In the database they would wait for the tenant's row, each with a connection of the pool in its hand, until other
//! tenants find none. Writers in other processes still meet at that row, one of each process.

use contracts::id::TenantId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::OwnedMutexGuard;

type Queue = Arc<tokio::sync::Mutex<()>>;
type Queues = Arc<Mutex<HashMap<TenantId, Queue>>>;

/// The locks of the tenants somebody writes for; cheap to clone.
#[derive(Clone, Default)]
pub struct TenantLocks(Queues);

/// Held until it is dropped.
pub struct TenantLock {
    held: Option<OwnedMutexGuard<()>>,
    tenant: TenantId,
    queues: Queues,
}

impl TenantLocks {
    /// First come, first served. Whoever stops waiting leaves nothing behind.
    pub async fn take(&self, tenant: TenantId) -> TenantLock {
        let mut lock = TenantLock { held: None, tenant, queues: Arc::clone(&self.0) };
        let queue = Arc::clone(locked(&self.0).entry(tenant).or_default());
        lock.held = Some(queue.lock_owned().await);
        lock
    }
}

impl Drop for TenantLock {
    fn drop(&mut self) {
        self.held = None;
        let mut queues = locked(&self.queues);
        // Nobody else waits for it.
        if queues.get(&self.tenant).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.tenant);
        }
    }
}

fn locked(queues: &Queues) -> MutexGuard<'_, HashMap<TenantId, Queue>> {
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::poll;
    use std::pin::pin;
    use uuid::Uuid;

    #[tokio::test]
    async fn writers_of_a_tenant_come_one_by_one_and_leave_nothing_behind() {
        let (locks, ada, bob) = (TenantLocks::default(), TenantId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)));
        let first = locks.take(ada).await;
        let mut second = pin!(locks.take(ada));
        assert!(poll!(&mut second).is_pending());
        drop(locks.take(bob).await);
        {
            let mut gone = pin!(locks.take(ada));
            assert!(poll!(&mut gone).is_pending());
        }
        drop(first);
        drop(second.await);
        assert!(locked(&locks.0).is_empty());
    }
}
