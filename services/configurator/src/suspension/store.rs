//! SQL of suspensions.

use super::Suspension;
use crate::instances::store::CHANGED;
use chrono::{DateTime, Utc};
use common::db::{Scoped, TenantTx};

/// `None` if the tenant never was suspended.
pub async fn get(tx: &mut TenantTx) -> sqlx::Result<Option<Suspension>> {
    let suspension = sqlx::query_as!(
        Suspension,
        "SELECT suspended_since AS since, heard_at FROM tenant_suspensions WHERE tenant_id = $1",
        tx.tenant().0
    );
    suspension.fetch_optional(&mut **tx).await
}

/// Puts what a message of this generation says, unless one of the same or a later one was heard; gives whether it did.
pub async fn put(
    tx: &mut TenantTx,
    suspended_since: Option<DateTime<Utc>>,
    generation: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let put = sqlx::query!(
        "INSERT INTO tenant_suspensions AS s (tenant_id, suspended_since, generation, heard_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id) DO UPDATE SET suspended_since = $2, generation = $3, heard_at = $4
           WHERE s.generation < $3",
        tx.tenant().0,
        suspended_since,
        generation,
        now
    );
    let is_news = put.execute(&mut **tx).await?.rows_affected() > 0;
    if is_news {
        tx.wake(CHANGED);
    }
    Ok(is_news)
}
