//! The right of a process's own loops to act for tenants, whom nobody asks for anything.

use super::{
    pool::Db,
    transaction::{CrossTenantTx, TenantScope, TenantTx},
};
use contracts::id::TenantId;

/// Handed to each background task by the code that starts it; nobody else has one.
#[derive(Clone, Copy, Debug)]
pub struct Background(());

impl Background {
    /// For the code that starts a process's tasks, and for tests.
    #[expect(clippy::new_without_default, reason = "whoever makes one says so, and clippy.toml asks why")]
    pub fn new() -> Self {
        Self(())
    }

    #[expect(clippy::disallowed_methods, reason = "the right is this value")]
    pub async fn begin(self, db: &Db, tenant: TenantId) -> sqlx::Result<TenantTx> {
        db.begin(tenant).await
    }

    #[expect(clippy::disallowed_methods, reason = "the right is this value")]
    pub async fn begin_across_tenants(self, db: &Db) -> sqlx::Result<CrossTenantTx> {
        db.begin_across_tenants().await
    }

    /// The right to several transactions of a tenant.
    pub fn scope(self, db: &Db, tenant: TenantId) -> TenantScope {
        TenantScope::new(db, tenant)
    }
}
