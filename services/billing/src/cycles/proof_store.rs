//! SQL of the proofs of closed cycles.

use crate::{currency::Currency, usage::part_store::BEFORE};
use chrono::{DateTime, Utc};
use common::db::{CrossTenantTx, TenantTx};
use contracts::id::TenantId;
use rust_decimal::Decimal;
use uuid::Uuid;

/// A closed cycle that is being proved.
pub struct Proved {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub start_at: DateTime<Utc>,
    pub end_at: DateTime<Utc>,
    /// The cut of the cycle before; 0 for the first.
    pub after_seq: i64,
    pub cut_seq: i64,
}

/// Some events that a cycle took.
pub struct Events {
    pub events: i64,
    pub quantity: Decimal,
    pub last_id: Option<Uuid>,
}

/// The closed cycle whose proof has been due for longest and that nobody else has.
pub async fn take(tx: &mut CrossTenantTx, now: DateTime<Utc>, lease: DateTime<Utc>) -> sqlx::Result<Option<Proved>> {
    let taken = sqlx::query_as!(
        Proved,
        r#"UPDATE cycle SET proof_due_at = $2 WHERE id = (
             SELECT id FROM cycle WHERE proof_due_at <= $1 AND state = 'closed'
             ORDER BY proof_due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING id, tenant_id, start_at, end_at, cut_seq AS "cut_seq!", coalesce((SELECT max(cut_seq) FROM cycle e
             WHERE e.tenant_id = cycle.tenant_id AND e.cut_seq < cycle.cut_seq), 0) AS "after_seq!""#,
        now,
        lease
    );
    taken.fetch_optional(&mut **tx).await
}

/// How many cycles are not what their raw rows say.
pub async fn faulty(tx: &mut CrossTenantTx) -> sqlx::Result<i64> {
    let faulty = sqlx::query_scalar!(r#"SELECT count(*) AS "faulty!" FROM cycle WHERE proof_faults <> '{}'"#);
    faulty.fetch_one(&mut **tx).await
}

/// The next events that the cycle took, counted, in the order of their ids.
pub async fn events(tx: &mut TenantTx, cycle: &Proved, after: Uuid, limit: i64) -> sqlx::Result<Events> {
    let events = sqlx::query_as!(
        Events,
        r#"SELECT count(*) AS "events!", coalesce(sum(quantity), 0) AS "quantity!", (max(id::text))::uuid AS last_id
           FROM (SELECT id, quantity FROM usage_event
             WHERE tenant_id = $1 AND id > $2 AND id >= lowest_id_at($8) AND seq <= $3 AND occurred_at < $4 AND (seq > $5 OR occurred_at >= $6)
             ORDER BY id LIMIT $7) AS page"#,
        tx.tenant().0,
        after,
        cycle.cut_seq,
        cycle.end_at,
        cycle.after_seq,
        cycle.start_at,
        limit,
        // The first cycle reaches back for ever.
        if cycle.after_seq == 0 { DateTime::UNIX_EPOCH } else { cycle.start_at - BEFORE }
    );
    events.fetch_one(&mut **tx).await
}

/// What the parts of the cycle say that it took.
pub async fn parts(tx: &mut TenantTx, cycle: Uuid) -> sqlx::Result<(i64, Decimal)> {
    let parts = sqlx::query!(
        r#"SELECT coalesce(sum(events), 0)::bigint AS "events!", coalesce(sum(quantity), 0) AS "quantity!"
           FROM usage_part WHERE tenant_id = $1 AND cycle_id = $2"#,
        tx.tenant().0,
        cycle
    );
    let parts = parts.fetch_one(&mut **tx).await?;
    Ok((parts.events, parts.quantity))
}

/// What is wrong with the cycle's invoice: it is not there, its lines and adjustments come to something else, a credit paid
/// more than there was, a line has other raw rows
/// than it says, or an interval is billed for longer than it was used: not all of it may cost something.
pub async fn faults(tx: &mut TenantTx, cycle: Uuid) -> sqlx::Result<Vec<String>> {
    let faults = sqlx::query_scalar!(
        r#"WITH bill AS (SELECT id, subtotal_minor, tax_minor, total_minor FROM invoice WHERE tenant_id = $1 AND cycle_id = $2),
             adjustment AS (SELECT a.* FROM invoice_adjustment a JOIN bill ON bill.id = a.invoice_id WHERE a.tenant_id = $1),
             line AS (SELECT l.* FROM invoice_line l JOIN bill ON bill.id = l.invoice_id WHERE l.tenant_id = $1)
           SELECT 'invoice_missing' AS "fault!" WHERE NOT EXISTS (SELECT FROM bill)
           UNION ALL SELECT 'total_differs' FROM bill
             WHERE subtotal_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM line)
               OR total_minor <> subtotal_minor + tax_minor + (SELECT coalesce(sum(amount_minor), 0) FROM adjustment)
           UNION ALL SELECT 'credit_overdrawn' WHERE EXISTS (SELECT FROM credit c WHERE c.tenant_id = $1 AND c.amount_minor <
             (SELECT coalesce(-sum(a.amount_minor), 0) FROM invoice_adjustment a
              WHERE a.tenant_id = $1 AND a.source_id = c.id AND a.kind = 'credit'))
           UNION ALL SELECT 'inputs_differ' WHERE EXISTS (SELECT FROM line WHERE input_count <>
             (SELECT coalesce(sum(p.events), 0) FROM usage_part p WHERE p.tenant_id = $1 AND p.line_id = line.id)
             + (SELECT count(*) FROM invoice_line_interval p WHERE p.tenant_id = $1 AND p.line_id = line.id))
           UNION ALL SELECT 'time_differs' WHERE EXISTS (
             SELECT FROM usage_interval i WHERE i.tenant_id = $1
               AND i.id IN (SELECT p.interval_id FROM invoice_line_interval p JOIN line ON line.id = p.line_id)
               AND extract(epoch FROM i.billed_until - i.begin_at) < (
                 SELECT sum(extract(epoch FROM p.until_at - p.from_at)) FROM invoice_line_interval p
                 WHERE p.tenant_id = $1 AND p.interval_id = i.id))"#,
        tx.tenant().0,
        cycle
    );
    faults.fetch_all(&mut **tx).await
}

/// The cycle's invoice.
pub struct Invoiced {
    pub id: Uuid,
    pub currency: Currency,
    /// Whether its seller charged VAT.
    pub is_taxed: bool,
}

pub async fn invoice(tx: &mut TenantTx, cycle: Uuid) -> sqlx::Result<Option<Invoiced>> {
    let invoice = sqlx::query_as!(
        Invoiced,
        r#"SELECT id, currency AS "currency: Currency", tax_minor <> 0 OR EXISTS (
             SELECT FROM invoice_tax t WHERE t.tenant_id = $1 AND t.invoice_id = invoice.id) AS "is_taxed!"
           FROM invoice WHERE tenant_id = $1 AND cycle_id = $2"#,
        tx.tenant().0,
        cycle
    );
    invoice.fetch_optional(&mut **tx).await
}

pub async fn proved(
    tx: &mut TenantTx,
    cycle: Uuid,
    at: DateTime<Utc>,
    faults: &[String],
    again: Option<DateTime<Utc>>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE cycle SET proved_at = $3, proof_faults = $4, proof_due_at = $5 WHERE id = $1 AND tenant_id = $2",
        cycle,
        tx.tenant().0,
        at,
        faults,
        again
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Has a closed cycle proved as soon as it can be.
pub async fn ask(tx: &mut CrossTenantTx, cycle: Uuid, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE cycle SET proof_due_at = $2 WHERE id = $1 AND state = 'closed'", cycle, now)
        .execute(&mut **tx)
        .await
        .map(drop)
}
