//! SQL of money that was received.

use crate::currency::Currency;
use chrono::{DateTime, Utc};
use common::db::TenantTx;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Payments of one invoice that are shown, the earliest first.
const MOST: i64 = 50;

/// How money came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum PaymentKind {
    /// Stripe charged the tenant's payment method.
    Stripe,
    BankTransfer,
}

/// Money that was received for an invoice.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Payment {
    pub id: Uuid,
    pub kind: PaymentKind,
    /// Stripe's PaymentIntent, or what the bank's statement says.
    #[schema(example = "Statement 2026-11, line 7")]
    pub reference: String,
    /// In the currency's minor unit (ISO 4217).
    pub amount_minor: i64,
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    pub received_at: DateTime<Utc>,
    /// Who has recorded a bank transfer.
    #[serde(skip)]
    pub recorded_by: Option<String>,
}

/// Keeps a payment; `false` if it is there already.
pub async fn insert(tx: &mut TenantTx, invoice: Uuid, payment: &Payment) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO payment
           (id, tenant_id, invoice_id, kind, reference, amount_minor, currency, recorded_by, received_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (invoice_id, kind, reference) DO NOTHING",
        payment.id,
        tx.tenant().0,
        invoice,
        payment.kind as PaymentKind,
        payment.reference,
        payment.amount_minor,
        payment.currency.code(),
        payment.recorded_by,
        payment.received_at
    );
    Ok(inserted.execute(&mut **tx).await?.rows_affected() == 1)
}

pub async fn list(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<Vec<Payment>> {
    let payments = sqlx::query_as!(
        Payment,
        r#"SELECT id, kind AS "kind: PaymentKind", reference, amount_minor, currency AS "currency: Currency",
             received_at, recorded_by
           FROM payment WHERE tenant_id = $1 AND invoice_id = $2 ORDER BY id LIMIT $3"#,
        tx.tenant().0,
        invoice,
        MOST
    );
    payments.fetch_all(&mut **tx).await
}
