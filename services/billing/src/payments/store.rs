//! SQL of what becomes of numbered invoices.

use super::model::{Dunning, PaymentState};
use crate::currency::Currency;
use chrono::{DateTime, Utc};
use common::db::{CrossTenantTx, TenantTx};
use contracts::id::TenantId;
use uuid::Uuid;

/// An invoice whose turn it is.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    pub invoice_id: Uuid,
    pub tenant_id: TenantId,
}

/// An invoice, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Case {
    pub invoice_id: Uuid,
    pub number: String,
    pub total_minor: i64,
    pub currency: Currency,
    pub state: PaymentState,
    pub due_at: DateTime<Utc>,
    pub attempts: i32,
    pub repeats: i32,
    /// Once it was not paid in time.
    pub dunning: Option<Dunning>,
}

/// Begins to collect invoices that have just got their numbers. What is not to be paid is paid; where there is no payment
/// method, a bank transfer is awaited. One that is set at this very moment is charged when the invoice is due.
pub async fn open(
    tx: &mut CrossTenantTx,
    invoices: &[Uuid],
    now: DateTime<Utc>,
    due_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO invoice_payment (invoice_id, tenant_id, series, number, state, due_at, next_at, settled_at)
         SELECT i.id, i.tenant_id, s.series, s.number, CASE WHEN i.total_minor > 0 THEN 'open' ELSE 'paid' END, $3,
           CASE WHEN i.total_minor <= 0 THEN NULL WHEN m.method_id IS NULL THEN $3 ELSE $2::timestamptz END,
           CASE WHEN i.total_minor <= 0 THEN $2::timestamptz END
         FROM invoice i JOIN invoice_status s ON s.invoice_id = i.id
         LEFT JOIN payment_method m ON m.tenant_id = i.tenant_id WHERE i.id = ANY($1)",
        invoices,
        now,
        due_at
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The invoice that has been due for longest and that nobody else has; until `lease` nobody else takes it up then.
pub async fn take(tx: &mut CrossTenantTx, now: DateTime<Utc>, lease: DateTime<Utc>) -> sqlx::Result<Option<Due>> {
    let taken = sqlx::query_as!(
        Due,
        "UPDATE invoice_payment SET next_at = $2 WHERE invoice_id = (
           SELECT invoice_id FROM invoice_payment WHERE next_at <= $1 ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING invoice_id, tenant_id",
        now,
        lease
    );
    taken.fetch_optional(&mut **tx).await
}

/// Whose invoice it is; `None` if there is none.
pub async fn tenant_of(tx: &mut CrossTenantTx, invoice: Uuid) -> sqlx::Result<Option<TenantId>> {
    let tenant = sqlx::query_scalar!("SELECT tenant_id FROM invoice WHERE id = $1", invoice);
    Ok(tenant.fetch_optional(&mut **tx).await?.map(TenantId))
}

/// The columns of a [`Case`] of the tenant (`$1`).
macro_rules! case {
    ($tx:ident, $invoice:ident, $rest:literal) => {{
        let found = sqlx::query!(
            r#"SELECT p.invoice_id, lpad(p.number::text, greatest(8, length(p.number::text)), '0') AS "number!",
                 i.total_minor, i.currency AS "currency: Currency", p.state AS "state: PaymentState", p.due_at,
                 p.attempts, p.repeats, p.dunned_from, p.reminders, p.remind_at
               FROM invoice_payment p JOIN invoice i ON i.id = p.invoice_id AND i.tenant_id = p.tenant_id
               WHERE p.tenant_id = $1 AND p.invoice_id = $2"#
                + $rest,
            $tx.tenant().0,
            $invoice
        );
        let found = found.fetch_optional(&mut **$tx).await?;
        Ok(found.map(|row| {
            let dunning = row.dunned_from.zip(row.remind_at);
            Case {
                invoice_id: row.invoice_id,
                number: row.number,
                total_minor: row.total_minor,
                currency: row.currency,
                state: row.state,
                due_at: row.due_at,
                attempts: row.attempts,
                repeats: row.repeats,
                dunning: dunning.map(|(from, at)| Dunning { from, reminders: row.reminders, at }),
            }
        }))
    }};
}

/// `None` if the tenant has no such invoice, or it has no number yet.
pub async fn find(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<Option<Case>> {
    case!(tx, invoice, "")
}

/// As [`find`]; whoever else changes what becomes of the invoice waits for this transaction.
pub async fn lock(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<Option<Case>> {
    case!(tx, invoice, " FOR UPDATE OF p")
}

/// It is taken up then, unless nothing is due any more.
pub async fn put_off(tx: &mut TenantTx, invoice: Uuid, next_at: DateTime<Utc>, repeats: i32) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE invoice_payment SET next_at = $3, repeats = $4
         WHERE tenant_id = $1 AND invoice_id = $2 AND next_at IS NOT NULL",
        tx.tenant().0,
        invoice,
        next_at,
        repeats
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The next attempt of an open invoice has this number.
pub async fn count_attempt(tx: &mut TenantTx, invoice: Uuid, number: i32) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE invoice_payment SET attempts = $3, repeats = 0 WHERE tenant_id = $1 AND invoice_id = $2",
        tx.tenant().0,
        invoice,
        number
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// How far the reminders are; it is taken up when the next one is due.
pub async fn set_dunning(tx: &mut TenantTx, invoice: Uuid, dunning: Dunning, suspends: bool) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE invoice_payment SET dunned_from = $3, reminders = $4, remind_at = $5, next_at = $5, repeats = 0,
           suspends = suspends OR $6
         WHERE tenant_id = $1 AND invoice_id = $2 AND state = 'open'",
        tx.tenant().0,
        invoice,
        dunning.from,
        dunning.reminders,
        dunning.at,
        suspends
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Nothing is due any more, unless an attempt is under way whose outcome must be known. What is paid suspends nobody.
pub async fn settle(
    tx: &mut TenantTx,
    invoice: Uuid,
    state: PaymentState,
    settled_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE invoice_payment SET state = $3, settled_at = $4, suspends = suspends AND $3 <> 'paid',
           next_at = CASE WHEN EXISTS (SELECT FROM payment_attempt a
             WHERE a.tenant_id = $1 AND a.invoice_id = $2 AND a.outcome IS NULL) THEN next_at END
         WHERE tenant_id = $1 AND invoice_id = $2",
        tx.tenant().0,
        invoice,
        state as PaymentState,
        settled_at
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Nothing is due any more for an invoice that is settled.
pub async fn rest(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE invoice_payment SET next_at = NULL WHERE tenant_id = $1 AND invoice_id = $2 AND state <> 'open'",
        tx.tenant().0,
        invoice
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// With a payment method that was given, invoices that nobody is charging are tried again: open ones, and those that were
/// given up and for which the tenant is still suspended.
pub async fn retry(tx: &mut TenantTx, now: DateTime<Utc>) -> sqlx::Result<u64> {
    let retried = sqlx::query!(
        "UPDATE invoice_payment p SET next_at = $2, state = 'open', settled_at = NULL
         WHERE tenant_id = $1 AND ((state = 'open' AND next_at > $2) OR (state = 'uncollectible' AND suspends))
         AND NOT EXISTS (SELECT FROM payment_attempt a
           WHERE a.tenant_id = $1 AND a.invoice_id = p.invoice_id AND a.outcome IS NULL)",
        tx.tenant().0,
        now
    );
    Ok(retried.execute(&mut **tx).await?.rows_affected())
}

/// Attempts that are under way since before `since`.
pub async fn stuck(tx: &mut CrossTenantTx, since: DateTime<Utc>) -> sqlx::Result<i64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM payment_attempt WHERE outcome IS NULL AND begun_at < $1"#,
        since
    );
    count.fetch_one(&mut **tx).await
}
