//! SQL of what Stripe has told.

use chrono::{DateTime, Utc};
use common::db::{CrossTenantTx, Lookup, TenantTx};
use contracts::id::TenantId;
use uuid::Uuid;

/// What an event is about.
pub struct NewEvent<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    pub invoice_id: Uuid,
    pub intent_id: &'a str,
}

/// An event whose turn it is.
#[derive(Clone, Debug)]
pub struct DueEvent {
    pub id: String,
    pub tenant_id: TenantId,
    pub invoice_id: Uuid,
    pub intent_id: String,
    pub received_at: DateTime<Utc>,
    pub tries: i32,
}

/// Whose invoice it is, if it has a number.
pub async fn tenant_of(lookup: &mut Lookup, invoice: Uuid) -> sqlx::Result<Option<TenantId>> {
    let tenant = sqlx::query_scalar!("SELECT tenant_id FROM invoice_payment WHERE invoice_id = $1", invoice);
    Ok(tenant.fetch_optional(&mut **lookup).await?.map(TenantId))
}

/// Keeps an event; `false` if it was told before.
pub async fn insert(tx: &mut TenantTx, event: &NewEvent<'_>, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO payment_event (id, tenant_id, invoice_id, intent_id, kind, received_at, next_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (id) DO NOTHING",
        event.id,
        tx.tenant().0,
        event.invoice_id,
        event.intent_id,
        event.kind,
        now
    );
    Ok(inserted.execute(&mut **tx).await?.rows_affected() == 1)
}

/// The event that has waited for longest and that nobody else has; until `lease` nobody else takes it up then.
pub async fn take(tx: &mut CrossTenantTx, now: DateTime<Utc>, lease: DateTime<Utc>) -> sqlx::Result<Option<DueEvent>> {
    let taken = sqlx::query_as!(
        DueEvent,
        "UPDATE payment_event SET next_at = $2, tries = tries + 1 WHERE id = (
           SELECT id FROM payment_event WHERE next_at <= $1 ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING id, tenant_id, invoice_id, intent_id, received_at, tries",
        now,
        lease
    );
    taken.fetch_optional(&mut **tx).await
}

/// When it is looked at again; `None` if it was.
pub async fn put_off(tx: &mut TenantTx, id: &str, next_at: Option<DateTime<Utc>>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE payment_event SET next_at = $3 WHERE tenant_id = $1 AND id = $2", tx.tenant().0, id, next_at)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Forgets what was looked at and told before `until`; gives how many.
pub async fn prune(tx: &mut CrossTenantTx, until: DateTime<Utc>, limit: i64) -> sqlx::Result<u64> {
    let pruned = sqlx::query!(
        "DELETE FROM payment_event WHERE id IN (
           SELECT id FROM payment_event WHERE next_at IS NULL AND received_at < $1 ORDER BY received_at LIMIT $2)",
        until,
        limit
    );
    Ok(pruned.execute(&mut **tx).await?.rows_affected())
}
