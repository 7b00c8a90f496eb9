//! SQL of payment methods.

use chrono::{DateTime, Utc};
use common::db::TenantTx;

/// The tenant's customer at Stripe, and what it is charged by, in Stripe's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    pub customer_id: String,
    /// Customers that the tenant has had until now.
    pub customers: i32,
    /// Absent until one is set, and once it is removed.
    pub method_id: Option<String>,
    pub revision: i32,
    pub updated_at: DateTime<Utc>,
}

pub async fn find(tx: &mut TenantTx) -> sqlx::Result<Option<Method>> {
    let found = sqlx::query_as!(
        Method,
        "SELECT customer_id, customers, method_id, revision, updated_at FROM payment_method WHERE tenant_id = $1",
        tx.tenant().0
    );
    found.fetch_optional(&mut **tx).await
}

/// Keeps the customer that was made after `made` others; changes nothing if somebody was quicker. With another customer
/// the payment method of the one before is gone.
pub async fn put_customer(tx: &mut TenantTx, customer_id: &str, made: i32, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO payment_method AS p (tenant_id, customer_id, customers, updated_at) VALUES ($1, $2, $3 + 1, $4)
         ON CONFLICT (tenant_id) DO UPDATE SET customer_id = $2, customers = $3 + 1, method_id = NULL, updated_at = $4,
           revision = p.revision + 1 WHERE p.customers = $3",
        tx.tenant().0,
        customer_id,
        made,
        now
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Sets or removes the method if the customer and its revision are still these; `None` if somebody was quicker.
pub async fn set(
    tx: &mut TenantTx,
    read: &Method,
    method_id: Option<&str>,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Method>> {
    let kept = sqlx::query_as!(
        Method,
        "UPDATE payment_method SET method_id = $2, updated_at = $5, revision = revision + 1
         WHERE tenant_id = $1 AND customer_id = $3 AND revision = $4
         RETURNING customer_id, customers, method_id, revision, updated_at",
        tx.tenant().0,
        method_id,
        read.customer_id,
        read.revision,
        now
    );
    kept.fetch_optional(&mut **tx).await
}
