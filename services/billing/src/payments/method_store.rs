//! SQL of payment methods.

use chrono::{DateTime, Utc};
use common::db::TenantTx;

/// What a tenant is charged by, in Stripe's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    pub customer_id: String,
    pub method_id: String,
    pub revision: i32,
    pub updated_at: DateTime<Utc>,
}

pub async fn find(tx: &mut TenantTx) -> sqlx::Result<Option<Method>> {
    let found = sqlx::query_as!(
        Method,
        "SELECT customer_id, method_id, revision, updated_at FROM payment_method WHERE tenant_id = $1",
        tx.tenant().0
    );
    found.fetch_optional(&mut **tx).await
}

/// Keeps the method if the tenant's has this revision, 0 where it has none; `None` if somebody was quicker.
pub async fn put(
    tx: &mut TenantTx,
    customer_id: &str,
    method_id: &str,
    revision: i32,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Method>> {
    let kept = sqlx::query_as!(
        Method,
        "INSERT INTO payment_method AS p (tenant_id, customer_id, method_id, updated_at) VALUES ($1, $2, $3, $5)
         ON CONFLICT (tenant_id) DO UPDATE SET customer_id = $2, method_id = $3, updated_at = $5,
           revision = p.revision + 1 WHERE p.revision = $4
         RETURNING customer_id, method_id, revision, updated_at",
        tx.tenant().0,
        customer_id,
        method_id,
        revision,
        now
    );
    kept.fetch_optional(&mut **tx).await
}
