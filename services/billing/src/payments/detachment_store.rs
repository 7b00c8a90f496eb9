//! SQL of payment methods that Stripe has to detach.

use chrono::{DateTime, Utc};
use common::db::{CrossTenantTx, TenantTx};
use contracts::id::TenantId;

/// A method that is to be detached.
#[derive(Clone, Debug)]
pub struct DueDetachment {
    pub method_id: String,
    pub tenant_id: TenantId,
    pub removed_at: DateTime<Utc>,
    pub tries: i32,
}

pub async fn insert(tx: &mut TenantTx, method_id: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO payment_method_detachment (method_id, tenant_id, removed_at, next_at) VALUES ($2, $1, $3, $3)
         ON CONFLICT (method_id) DO NOTHING",
        tx.tenant().0,
        method_id,
        now
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Whether the method is to be detached, and is not yet.
pub async fn is_due(tx: &mut TenantTx, method_id: &str) -> sqlx::Result<bool> {
    let is_due = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM payment_method_detachment WHERE tenant_id = $1 AND method_id = $2) AS "is_due!""#,
        tx.tenant().0,
        method_id
    );
    is_due.fetch_one(&mut **tx).await
}

/// The one that has waited for longest and that nobody else has; until `lease` nobody else takes it up then.
pub async fn take(
    tx: &mut CrossTenantTx,
    now: DateTime<Utc>,
    lease: DateTime<Utc>,
) -> sqlx::Result<Option<DueDetachment>> {
    let taken = sqlx::query_as!(
        DueDetachment,
        "UPDATE payment_method_detachment SET next_at = $2, tries = tries + 1 WHERE method_id = (
           SELECT method_id FROM payment_method_detachment WHERE next_at <= $1
           ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING method_id, tenant_id, removed_at, tries",
        now,
        lease
    );
    taken.fetch_optional(&mut **tx).await
}

pub async fn put_off(tx: &mut TenantTx, method_id: &str, next_at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE payment_method_detachment SET next_at = $3 WHERE tenant_id = $1 AND method_id = $2",
        tx.tenant().0,
        method_id,
        next_at
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub async fn delete(tx: &mut TenantTx, method_id: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM payment_method_detachment WHERE tenant_id = $1 AND method_id = $2",
        tx.tenant().0,
        method_id
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}
