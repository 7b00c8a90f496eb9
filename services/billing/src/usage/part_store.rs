//! SQL of the parts that cycles take of metered usage.

use super::{
    counted::{Counted, Last},
    parts::{Event, KeptPart, Part},
    window::Window,
};
use crate::{
    calendar::Span,
    invoices::model::{Input, Sum},
};
use chrono::{DateTime, TimeDelta, Utc};
use common::db::TenantTx;
use contracts::id::InstanceId;
use futures_util::{Stream, TryStreamExt};
use uuid::Uuid;

/// No event is received so long before the start of the cycle that takes it: it was used at most a day later by its
/// producer's clock, and clocks of ours differ less.
pub const BEFORE: TimeDelta = TimeDelta::days(2);

/// The next events of a window, in the order of their ids, while PostgreSQL finds them.
pub fn events<'a>(
    tx: &'a mut TenantTx,
    window: &Window,
    after: Uuid,
    limit: i64,
) -> impl Stream<Item = sqlx::Result<Event>> + use<'a> {
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
    events.fetch(&mut **tx).map_ok(|row| Event {
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
    let counted = || rows().map(|part| &part.sum.counted);
    // A part has an event, so it has a last one.
    let last = || counted().filter_map(|counted| counted.last);
    sqlx::query!(
        "INSERT INTO usage_part (tenant_id, cycle_id, id, line_id, service, meter, instance_id, seqs, times,
           period_start, period_end, first_id, last_id, events, quantity, max_quantity, last_quantity, last_at, sha256)
         SELECT $1, $2, id, line_id, service, meter, instance_id, int8range(first_seq, last_seq, '[]'),
           tstzrange(coalesce(from_at, '-infinity'), coalesce(until_at, 'infinity')), period_start, period_end, first_id,
           last_id, events, quantity, max_quantity, last_quantity, last_at, sha256
         FROM UNNEST($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::int8[], $9::int8[],
           $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::uuid[], $15::uuid[],
           $16::int8[], $17::numeric[], $18::numeric[], $19::numeric[], $20::timestamptz[], $21::bytea[])
           AS part (id, line_id, service, meter, instance_id, first_seq, last_seq, from_at, until_at, period_start,
             period_end, first_id, last_id, events, quantity, max_quantity, last_quantity, last_at, sha256)",
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
        &counted().map(|counted| counted.rows).collect::<Vec<_>>(),
        &counted().map(|counted| counted.sum).collect::<Vec<_>>(),
        &counted().map(|counted| counted.max).collect::<Vec<_>>(),
        &last().map(|last| last.quantity).collect::<Vec<_>>(),
        &last().map(|last| last.at).collect::<Vec<_>>(),
        &rows().map(|part| part.sum.sha256.clone()).collect::<Vec<_>>()
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Parts that no line bills yet, of this cycle and of those before, in the order of their ids: they wait for a rate.
pub async fn unbilled(tx: &mut TenantTx) -> sqlx::Result<Vec<KeptPart>> {
    let parts = sqlx::query!(
        "SELECT id, meter, instance_id, nullif(upper(times), 'infinity') AS until_at, period_start, period_end, events,
           quantity, max_quantity, last_quantity, last_at, sha256
         FROM usage_part WHERE tenant_id = $1 AND line_id IS NULL ORDER BY id",
        tx.tenant().0
    );
    let kept = parts.fetch_all(&mut **tx).await?.into_iter().map(|row| KeptPart {
        id: row.id,
        meter: row.meter,
        instance_id: InstanceId(row.instance_id),
        last: row.until_at.unwrap_or(Span::ALWAYS.until) - TimeDelta::microseconds(1),
        period: Span { from: row.period_start, until: row.period_end },
        sum: Sum {
            counted: Counted {
                rows: row.events,
                sum: row.quantity,
                max: row.max_quantity,
                last: Some(Last { at: row.last_at, quantity: row.last_quantity }),
            },
            sha256: row.sha256,
        },
    });
    Ok(kept.collect())
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
