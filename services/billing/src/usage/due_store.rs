//! SQL of the usage that an invoice takes: whatever is rated, lies before its end, and is on no invoice yet. Its rate
//! is that of the version that the instance ran at the time.

use crate::invoices::model::Input;
use chrono::{DateTime, Utc};
use common::db::TenantTx;
use contracts::id::InstanceId;
use futures_util::{StreamExt, stream::BoxStream};
use uuid::Uuid;

/// An interval with time that no invoice has taken yet, or with too much taken.
pub struct DueInterval {
    pub id: Uuid,
    pub instance_id: InstanceId,
    pub feature: String,
    pub host: String,
    pub begin_at: DateTime<Utc>,
    pub billed_until: DateTime<Utc>,
    /// Where billing it now ends.
    pub until: DateTime<Utc>,
    pub rate_id: Uuid,
}

/// The rated intervals that an invoice up to `end` takes; locked, so that nobody ends one meanwhile.
pub async fn intervals(tx: &mut TenantTx, currency: &str, end: DateTime<Utc>) -> sqlx::Result<Vec<DueInterval>> {
    let due = sqlx::query_as!(
        DueInterval,
        r#"SELECT i.id, i.instance_id, i.feature, i.host, i.begin_at, i.billed_until, least(i.end_at, $3) AS "until!",
           r.id AS "rate_id!"
           FROM usage_interval i
           LEFT JOIN instance_version v ON v.tenant_id = i.tenant_id AND v.instance_id = i.instance_id
           AND v.service = i.service
                AND v.from_at <= i.begin_at AND (v.until_at IS NULL OR v.until_at > i.begin_at)
           JOIN rate r ON r.kind = 'feature' AND r.service = i.service AND r.name = i.feature AND r.currency = $2
                AND r.version = coalesce(i.version, v.version)
           WHERE i.tenant_id = $1 AND i.begin_at < $3 AND (i.end_at IS NULL OR i.billed_until <> i.end_at)
           AND i.billed_until <> least(i.end_at, $3)
           ORDER BY i.id FOR UPDATE OF i"#,
        tx.tenant().0,
        currency,
        end,
    );
    due.fetch_all(&mut **tx).await
}

/// Notes that `line` has taken each interval's time up to the given moment.
pub async fn bill_intervals(tx: &mut TenantTx, line: Uuid, taken: &[&DueInterval]) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = taken.iter().map(|interval| interval.id).collect();
    let from: Vec<DateTime<Utc>> = taken.iter().map(|interval| interval.billed_until).collect();
    let until: Vec<DateTime<Utc>> = taken.iter().map(|interval| interval.until).collect();
    sqlx::query!(
        "WITH part AS (SELECT * FROM UNNEST($3::uuid[], $4::timestamptz[], $5::timestamptz[])
         AS part (id, from_at, until_at)),
              billed AS (UPDATE usage_interval i SET billed_until = part.until_at FROM part WHERE i.id = part.id
              AND i.tenant_id = $2)
         INSERT INTO invoice_line_interval (line_id, interval_id, tenant_id, from_at, until_at)
         SELECT $1, id, $2, from_at, until_at FROM part",
        line,
        tx.tenant().0,
        &ids,
        &from,
        &until,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The rated events before `end` that no line has billed, each with its rate, in the order of their ids.
pub fn events<'c>(
    tx: &'c mut TenantTx,
    currency: &'c str,
    end: DateTime<Utc>,
) -> BoxStream<'c, sqlx::Result<(Uuid, Input)>> {
    sqlx::query!(
        r#"SELECT e.id, e.instance_id, e.meter, e.key, e.quantity, e.occurred_at, e.received_at, r.id AS "rate_id!"
           FROM usage_event e
           JOIN instance_version v ON v.tenant_id = e.tenant_id AND v.instance_id = e.instance_id
           AND v.service = e.service
                AND v.from_at <= e.occurred_at AND (v.until_at IS NULL OR v.until_at > e.occurred_at)
           JOIN rate r ON r.kind = 'meter' AND r.service = e.service AND r.name = e.meter AND r.currency = $2
           AND r.version = v.version
           WHERE e.tenant_id = $1 AND e.line_id IS NULL AND e.occurred_at < $3
           ORDER BY e.id"#,
        tx.tenant().0,
        currency,
        end,
    )
    .map(|row| {
        let instance_id = InstanceId(row.instance_id);
        let (key, occurred_at, received_at) = (row.key, row.occurred_at, row.received_at);
        (
            row.rate_id,
            Input::Event {
                id: row.id,
                instance_id,
                meter: row.meter,
                key,
                quantity: row.quantity,
                occurred_at,
                received_at,
            },
        )
    })
    .fetch(&mut **tx)
    .boxed()
}

/// Notes that `line` has billed these events.
pub async fn bill_events(tx: &mut TenantTx, line: Uuid, events: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE usage_event SET line_id = $1 WHERE tenant_id = $2 AND id = ANY($3) AND line_id IS NULL",
        line,
        tx.tenant().0,
        events
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}
