//! SQL of pending stamps: committed with the change that makes records invalid, deleted once Redis has them.

use common::db::{CrossTenantTx, TenantTx};
use contracts::id::{Principal, TenantId};
use uuid::Uuid;

/// Pending stamps read at once.
pub const BATCH: usize = 500;

pub struct PendingStamp {
    id: Uuid,
    pub tenant: TenantId,
    /// `None`: the stamp of the whole tenant.
    pub principal: Option<String>,
}

/// In the transaction of the change: the principal's records must not count any more.
pub async fn invalidate(tx: &mut TenantTx, principal: &Principal) -> sqlx::Result<()> {
    let (tenant, principal) = (tx.tenant().0, principal.to_string());
    let insert = sqlx::query!("INSERT INTO pending_stamps (tenant_id, principal) VALUES ($1, $2)", tenant, principal);
    insert.execute(&mut **tx).await.map(drop)
}

/// In the transaction of the change: no record of the tenant must count any more.
pub async fn invalidate_tenant(tx: &mut TenantTx) -> sqlx::Result<()> {
    let insert = sqlx::query!("INSERT INTO pending_stamps (tenant_id) VALUES ($1)", tx.tenant().0);
    insert.execute(&mut **tx).await.map(drop)
}

/// In the transaction of a change of the registry: no record of any tenant must count any more.
pub async fn invalidate_all_tenants(tx: &mut CrossTenantTx) -> sqlx::Result<()> {
    let insert = sqlx::query!("INSERT INTO pending_stamps (tenant_id) SELECT id FROM tenants");
    insert.execute(&mut **tx).await.map(drop)
}

/// Those of a tenant, or of all; at most [`BATCH`].
pub async fn pending(tx: &mut CrossTenantTx, tenant: Option<TenantId>) -> sqlx::Result<Vec<PendingStamp>> {
    let pending = sqlx::query_as!(
        PendingStamp,
        "SELECT id, tenant_id AS tenant, principal FROM pending_stamps WHERE ($1::uuid IS NULL OR tenant_id = $1)
         LIMIT $2",
        tenant.map(|tenant| tenant.0),
        BATCH as i64
    );
    pending.fetch_all(&mut **tx).await
}

pub async fn remove(tx: &mut CrossTenantTx, written: &[PendingStamp]) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = written.iter().map(|stamp| stamp.id).collect();
    let delete = sqlx::query!("DELETE FROM pending_stamps WHERE id = ANY($1)", &ids);
    delete.execute(&mut **tx).await.map(drop)
}
