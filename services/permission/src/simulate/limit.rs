//! Limit of simulations: how many run at once.

use crate::tenant_lock::{TenantLock, TenantLocks};
use contracts::id::TenantId;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Simulations of all tenants that run at once; each holds a connection, and a tenant's lock, for as long as a second.
const AT_ONCE: usize = 3;

/// Room for simulations; cheap to clone.
#[derive(Clone)]
pub struct Simulations {
    locks: TenantLocks,
    room: Arc<Semaphore>,
}

impl Default for Simulations {
    fn default() -> Self {
        Self { locks: TenantLocks::default(), room: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Simulations {
    /// One of a tenant at a time, so that nobody takes all the room.
    pub async fn enter(&self, tenant: TenantId) -> (TenantLock, Option<OwnedSemaphorePermit>) {
        let lock = self.locks.take(tenant).await;
        (lock, Arc::clone(&self.room).acquire_owned().await.ok())
    }
}
