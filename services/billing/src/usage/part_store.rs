//! SQL of the parts that cycles take of metered usage.

use super::{
    parts::{Event, Part},
    window::{Span, Window},
};
use crate::invoices::model::{Input, PartOfLine};
use chrono::{DateTime, TimeDelta, Utc};
use common::db::TenantTx;
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
        // The first cycle reaches back for ever.
        if window.after_seq == 0 { DateTime::UNIX_EPOCH } else { window.cycle.from - BEFORE },
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

/// The rate of each part, if it has one: that of the version which the instance ran where the part begins.
pub async fn rates(tx: &mut TenantTx, currency: &str, parts: &[Part]) -> sqlx::Result<Vec<Option<Uuid>>> {
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let rates = sqlx::query_scalar!(
        r#"SELECT r.id AS "id?" FROM UNNEST($3::uuid[], $4::text[], $5::text[], $6::timestamptz[]) WITH ORDINALITY
             AS part (instance_id, service, meter, from_at, place)
           LEFT JOIN instance_version v ON v.tenant_id = $1 AND v.instance_id = part.instance_id
             AND v.service = part.service AND v.from_at <= coalesce(part.from_at, '-infinity')
             AND (v.until_at IS NULL OR v.until_at > coalesce(part.from_at, '-infinity'))
           LEFT JOIN rate r ON r.kind = 'meter' AND r.service = part.service AND r.name = part.meter
             AND r.currency = $2 AND r.version = v.version
           ORDER BY part.place"#,
        tx.tenant().0,
        currency,
        &parts.iter().map(|part| part.instance_id.0).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.service.clone()).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.meter.clone()).collect::<Vec<_>>(),
        &parts.iter().map(|part| bound(part.area.times.from)).collect::<Vec<_>>() as &[Option<DateTime<Utc>>]
    );
    rates.fetch_all(&mut **tx).await
}

/// `None` for a time before or after all that PostgreSQL knows.
fn bound(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (time > Span::ALWAYS.from && time < Span::ALWAYS.until).then_some(time)
}

/// Keeps parts under these ids, each with the line that bills it.
pub async fn insert(tx: &mut TenantTx, cycle: Uuid, parts: &[(Uuid, Option<Uuid>, &Part)]) -> sqlx::Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let rows = || parts.iter().map(|(_, _, part)| *part);
    sqlx::query!(
        "INSERT INTO usage_part (tenant_id, cycle_id, id, line_id, service, meter, instance_id, seqs, times,
           period_start, period_end, first_id, last_id, events, quantity, sha256)
         SELECT $1, $2, id, line_id, service, meter, instance_id, int8range(first_seq, last_seq, '[]'),
           tstzrange(coalesce(from_at, '-infinity'), coalesce(until_at, 'infinity')), period_start, period_end, first_id,
           last_id, events, quantity, sha256
         FROM UNNEST($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::int8[], $9::int8[],
           $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::uuid[], $15::uuid[],
           $16::int8[], $17::numeric[], $18::bytea[])
           AS part (id, line_id, service, meter, instance_id, first_seq, last_seq, from_at, until_at, period_start,
             period_end, first_id, last_id, events, quantity, sha256)",
        tx.tenant().0,
        cycle,
        &parts.iter().map(|(id, _, _)| *id).collect::<Vec<_>>(),
        &parts.iter().map(|(_, line, _)| *line).collect::<Vec<_>>() as &[Option<Uuid>],
        &rows().map(|part| part.service.clone()).collect::<Vec<_>>(),
        &rows().map(|part| part.meter.clone()).collect::<Vec<_>>(),
        &rows().map(|part| part.instance_id.0).collect::<Vec<_>>(),
        &rows().map(|part| part.area.seqs.0).collect::<Vec<_>>(),
        &rows().map(|part| part.area.seqs.1).collect::<Vec<_>>(),
        &rows().map(|part| bound(part.area.times.from)).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &rows().map(|part| bound(part.area.times.until)).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &rows().map(|part| part.area.period.from).collect::<Vec<_>>(),
        &rows().map(|part| part.area.period.until).collect::<Vec<_>>(),
        &rows().map(|part| part.first_id).collect::<Vec<_>>(),
        &rows().map(|part| part.last_id).collect::<Vec<_>>(),
        &rows().map(|part| part.sum.inputs).collect::<Vec<_>>(),
        &rows().map(|part| part.sum.quantity).collect::<Vec<_>>(),
        &rows().map(|part| part.sum.sha256.clone()).collect::<Vec<_>>()
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Parts that no line bills yet and that have one rate by now, all of their time, of this cycle and of those before; in the order of their
/// ids.
pub async fn rated(tx: &mut TenantTx, currency: &str) -> sqlx::Result<Vec<PartOfLine>> {
    sqlx::query_as!(
        PartOfLine,
        r#"SELECT p.id, r.id AS rate_id, p.instance_id, p.period_start, p.period_end, p.events, p.quantity, p.sha256
           FROM usage_part p
           JOIN instance_version v ON v.tenant_id = p.tenant_id AND v.instance_id = p.instance_id
             AND v.service = p.service AND v.from_at <= lower(p.times)
             AND upper(p.times) <= coalesce(v.until_at, 'infinity')
           JOIN rate r ON r.kind = 'meter' AND r.service = p.service AND r.name = p.meter AND r.currency = $2
             AND r.version = v.version
           WHERE p.tenant_id = $1 AND p.line_id IS NULL ORDER BY p.id"#,
        tx.tenant().0,
        currency
    )
    .fetch_all(&mut **tx)
    .await
}

/// Notes the lines that bill parts which had none.
pub async fn bill(tx: &mut TenantTx, parts: &[(Uuid, Uuid)]) -> sqlx::Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE usage_part p SET line_id = billed.line_id FROM UNNEST($2::uuid[], $3::uuid[]) AS billed (id, line_id)
         WHERE p.tenant_id = $1 AND p.id = billed.id AND p.line_id IS NULL",
        tx.tenant().0,
        &parts.iter().map(|(part, _)| *part).collect::<Vec<_>>(),
        &parts.iter().map(|(_, line)| *line).collect::<Vec<_>>()
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}
