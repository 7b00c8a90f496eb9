//! SQL of the parts that cycles take of metered usage.

use super::{
    parts::{Event, Part},
    window::{Span, Window},
};
use crate::invoices::model::{Input, PartOfLine};
use chrono::{DateTime, TimeDelta, Utc};
use common::{ambient::Ambient, db::TenantTx};
use contracts::id::InstanceId;
use std::collections::HashMap;
use uuid::Uuid;

/// No event is received so long before the start of the cycle that takes it: it was used at most a day later by its
/// producer's clock, and clocks of ours differ less.
const BEFORE: TimeDelta = TimeDelta::days(2);

/// The next events of a window, in the order of their ids.
pub async fn events(tx: &mut TenantTx, window: &Window, after: Uuid, limit: i64) -> sqlx::Result<Vec<Event>> {
    let events = sqlx::query!(
        "SELECT seq, service, id, instance_id, meter, key, quantity, occurred_at, received_at FROM usage_event
         WHERE tenant_id = $1 AND id > $2 AND id >= lowest_id_at($3) AND seq <= $4 AND occurred_at < $5
           AND (seq > $6 OR occurred_at >= $7)
         ORDER BY id LIMIT $8",
        tx.tenant().0,
        after,
        window.cycle.from - BEFORE,
        window.until_seq,
        window.cycle.until,
        window.after_seq,
        window.cycle.from,
        limit
    );
    let rows = events.fetch_all(&mut **tx).await?.into_iter();
    Ok(rows
        .map(|row| Event {
            seq: row.seq,
            service: row.service,
            input: Input::Event {
                id: row.id,
                instance_id: InstanceId(row.instance_id),
                meter: row.meter,
                key: row.key,
                quantity: row.quantity,
                occurred_at: row.occurred_at,
                received_at: row.received_at,
            },
        })
        .collect())
}

/// During which each instance ran one version, in the order of time.
pub async fn versions(tx: &mut TenantTx) -> sqlx::Result<HashMap<InstanceId, Vec<Span>>> {
    let rows = sqlx::query!(
        r#"SELECT instance_id AS "instance_id!", nullif(from_at, '-infinity') AS from_at, until_at FROM instance_version
           WHERE tenant_id = $1 ORDER BY instance_id, instance_version.from_at"#,
        tx.tenant().0
    );
    let mut versions = HashMap::<_, Vec<_>>::new();
    for row in rows.fetch_all(&mut **tx).await? {
        let (from, until) = (row.from_at.unwrap_or(Span::ALWAYS.from), row.until_at.unwrap_or(Span::ALWAYS.until));
        versions.entry(InstanceId(row.instance_id)).or_default().push(Span { from, until });
    }
    Ok(versions)
}

/// Keeps parts that no line bills yet.
pub async fn insert(tx: &mut TenantTx, ambient: &Ambient, cycle: Uuid, parts: &[Part]) -> sqlx::Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let time = |time: DateTime<Utc>| (time > Span::ALWAYS.from && time < Span::ALWAYS.until).then_some(time);
    sqlx::query!(
        "INSERT INTO usage_part (tenant_id, cycle_id, id, service, meter, instance_id, seqs, times, period_start,
           period_end, first_id, last_id, events, quantity, sha256)
         SELECT $1, $2, id, service, meter, instance_id, int8range(first_seq, last_seq, '[]'),
           tstzrange(coalesce(from_at, '-infinity'), coalesce(until_at, 'infinity')), period_start, period_end, first_id,
           last_id, events, quantity, sha256
         FROM UNNEST($3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::int8[], $8::int8[], $9::timestamptz[],
           $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::uuid[], $14::uuid[], $15::int8[],
           $16::numeric[], $17::bytea[])
           AS part (id, service, meter, instance_id, first_seq, last_seq, from_at, until_at, period_start, period_end,
             first_id, last_id, events, quantity, sha256)",
        tx.tenant().0,
        cycle,
        &parts.iter().map(|_| ambient.uuid()).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.service.clone()).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.meter.clone()).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.instance_id.0).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.area.seqs.0).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.area.seqs.1).collect::<Vec<_>>(),
        &parts.iter().map(|part| time(part.area.times.from)).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &parts.iter().map(|part| time(part.area.times.until)).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &parts.iter().map(|part| part.area.period.from).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.area.period.until).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.first_id).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.last_id).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.sum.inputs).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.sum.quantity).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.sum.sha256.to_vec()).collect::<Vec<_>>()
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Parts that no line bills yet and that have a rate by now, of this cycle and of those before; in the order of their
/// ids.
pub async fn rated(tx: &mut TenantTx, currency: &str) -> sqlx::Result<Vec<PartOfLine>> {
    sqlx::query_as!(
        PartOfLine,
        r#"SELECT p.id, r.id AS rate_id, p.instance_id, p.period_start, p.period_end, p.events, p.quantity, p.sha256
           FROM usage_part p
           JOIN instance_version v ON v.tenant_id = p.tenant_id AND v.instance_id = p.instance_id
             AND v.service = p.service AND v.from_at <= lower(p.times)
             AND (v.until_at IS NULL OR v.until_at > lower(p.times))
           JOIN rate r ON r.kind = 'meter' AND r.service = p.service AND r.name = p.meter AND r.currency = $2
             AND r.version = v.version
           WHERE p.tenant_id = $1 AND p.line_id IS NULL ORDER BY p.id"#,
        tx.tenant().0,
        currency
    )
    .fetch_all(&mut **tx)
    .await
}

/// Notes that `line` bills these parts.
pub async fn bill(tx: &mut TenantTx, line: Uuid, parts: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE usage_part SET line_id = $1 WHERE tenant_id = $2 AND id = ANY($3) AND line_id IS NULL",
        line,
        tx.tenant().0,
        parts
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}
