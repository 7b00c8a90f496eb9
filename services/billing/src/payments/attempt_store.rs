//! SQL of attempts to charge an invoice.

use super::{
    model::Outcome,
    provider::{ChargeKey, ChargeOrder},
};
use crate::currency::Currency;
use chrono::{DateTime, Utc};
use common::db::TenantTx;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Attempts of one invoice that are shown, the latest first.
const SHOWN: i64 = 20;

/// An attempt to charge the invoice, as it is shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Attempt {
    pub number: i32,
    pub begun_at: DateTime<Utc>,
    /// Absent while it is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why, in Stripe's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "insufficient_funds")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
}

/// An attempt, with what it was made with.
#[derive(Clone, Debug)]
pub struct Made {
    pub order: ChargeOrder,
    pub begun_at: DateTime<Utc>,
    pub intent_id: Option<String>,
    pub outcome: Option<Outcome>,
}

/// A failed attempt whose charge may still take money, if somebody confirms it.
#[derive(Clone, Debug)]
pub struct Unclosed {
    pub key: ChargeKey,
    pub intent_id: String,
}

pub async fn insert(tx: &mut TenantTx, order: &ChargeOrder, begun_at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO payment_attempt
           (invoice_id, number, tenant_id, customer_id, method_id, amount_minor, currency, begun_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        order.key.invoice_id,
        order.key.attempt,
        tx.tenant().0,
        order.customer_id,
        order.method_id,
        order.amount_minor,
        order.currency.code(),
        begun_at
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The number of the attempt that is under way.
pub async fn under_way(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<Option<i32>> {
    let number = sqlx::query_scalar!(
        "SELECT number FROM payment_attempt WHERE tenant_id = $1 AND invoice_id = $2 AND outcome IS NULL",
        tx.tenant().0,
        invoice
    );
    number.fetch_optional(&mut **tx).await
}

pub async fn find(tx: &mut TenantTx, key: ChargeKey) -> sqlx::Result<Option<Made>> {
    let found = sqlx::query!(
        r#"SELECT customer_id, method_id, amount_minor, currency AS "currency: Currency", begun_at, intent_id,
             outcome AS "outcome: Outcome"
           FROM payment_attempt WHERE tenant_id = $1 AND invoice_id = $2 AND number = $3"#,
        tx.tenant().0,
        key.invoice_id,
        key.attempt
    );
    let found = found.fetch_optional(&mut **tx).await?;
    Ok(found.map(|row| Made {
        order: ChargeOrder {
            key,
            customer_id: row.customer_id,
            method_id: row.method_id,
            amount_minor: row.amount_minor,
            currency: row.currency,
            begun_at: row.begun_at.timestamp(),
        },
        begun_at: row.begun_at,
        intent_id: row.intent_id,
        outcome: row.outcome,
    }))
}

/// Notes the provider's name of an attempt that is under way.
pub async fn name(tx: &mut TenantTx, key: ChargeKey, intent_id: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE payment_attempt SET intent_id = $4
         WHERE tenant_id = $1 AND invoice_id = $2 AND number = $3 AND outcome IS NULL AND intent_id IS NULL",
        tx.tenant().0,
        key.invoice_id,
        key.attempt,
        intent_id
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The attempts that the method has failed.
pub async fn failed(tx: &mut TenantTx, invoice: Uuid, method_id: &str) -> sqlx::Result<i64> {
    let failed = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM payment_attempt
           WHERE tenant_id = $1 AND invoice_id = $2 AND method_id = $3
             AND outcome IN ('declined', 'action_required', 'canceled')"#,
        tx.tenant().0,
        invoice,
        method_id
    );
    failed.fetch_one(&mut **tx).await
}

/// A failed attempt whose charge could still be confirmed at the provider, with the name of that.
pub async fn unclosed(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<Option<Unclosed>> {
    let found = sqlx::query!(
        r#"SELECT number, intent_id AS "intent_id!" FROM payment_attempt
           WHERE tenant_id = $1 AND invoice_id = $2 AND outcome IN ('declined', 'action_required')
             AND intent_id IS NOT NULL AND intent_closed_at IS NULL ORDER BY number LIMIT 1"#,
        tx.tenant().0,
        invoice
    );
    let found = found.fetch_optional(&mut **tx).await?;
    let key = |attempt| ChargeKey { invoice_id: invoice, attempt };
    Ok(found.map(|row| Unclosed { key: key(row.number), intent_id: row.intent_id }))
}

/// The charge of an attempt takes no money any more.
pub async fn close(tx: &mut TenantTx, key: ChargeKey, closed_at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE payment_attempt SET intent_closed_at = $4
         WHERE tenant_id = $1 AND invoice_id = $2 AND number = $3 AND intent_closed_at IS NULL",
        tx.tenant().0,
        key.invoice_id,
        key.attempt,
        closed_at
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Notes who has had an attempt canceled that is under way.
pub async fn canceled_by(tx: &mut TenantTx, key: ChargeKey, operator: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE payment_attempt SET canceled_by = $4
         WHERE tenant_id = $1 AND invoice_id = $2 AND number = $3 AND outcome IS NULL",
        tx.tenant().0,
        key.invoice_id,
        key.attempt,
        operator
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Ends an attempt that is under way; `false` if it had ended.
pub async fn end(
    tx: &mut TenantTx,
    key: ChargeKey,
    outcome: Outcome,
    code: Option<&str>,
    ended_at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let ended = sqlx::query!(
        "UPDATE payment_attempt SET outcome = $4, code = $5, ended_at = $6
         WHERE tenant_id = $1 AND invoice_id = $2 AND number = $3 AND outcome IS NULL",
        tx.tenant().0,
        key.invoice_id,
        key.attempt,
        outcome as Outcome,
        code,
        ended_at
    );
    Ok(ended.execute(&mut **tx).await?.rows_affected() == 1)
}

/// The outcome of the last attempt that ended.
pub async fn last_outcome(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<Option<Outcome>> {
    let outcome = sqlx::query_scalar!(
        r#"SELECT outcome AS "outcome!: Outcome" FROM payment_attempt
           WHERE tenant_id = $1 AND invoice_id = $2 AND outcome IS NOT NULL ORDER BY number DESC LIMIT 1"#,
        tx.tenant().0,
        invoice
    );
    outcome.fetch_optional(&mut **tx).await
}

pub async fn list(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<Vec<Attempt>> {
    let attempts = sqlx::query_as!(
        Attempt,
        r#"SELECT number, begun_at, outcome AS "outcome: Outcome", code, ended_at FROM payment_attempt
           WHERE tenant_id = $1 AND invoice_id = $2 ORDER BY number DESC LIMIT $3"#,
        tx.tenant().0,
        invoice,
        SHOWN
    );
    attempts.fetch_all(&mut **tx).await
}
