//! SQL of what earlier invoices have billed of periods that something comes late to.

use super::model::Earlier;
use crate::{
    calendar::Span,
    plans::Aggregation,
    usage::counted::{Counted, Last},
};
use common::db::TenantTx;
use contracts::id::InstanceId;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A rate, and the period that it is applied to.
pub type Key = (Uuid, Span);

/// What was billed of each key by invoices of the cycles that were cut before `cut`; nothing of one that none has billed.
pub async fn of(tx: &mut TenantTx, keys: &[(Key, Aggregation)], cut: i64) -> sqlx::Result<BTreeMap<Key, Earlier>> {
    let mut earlier = used(tx, keys, cut).await?;
    let by_instance = |aggregation| matches!(aggregation, Aggregation::Max | Aggregation::Last);
    let keys: Vec<_> = keys.iter().filter(|(_, aggregation)| by_instance(*aggregation)).copied().collect();
    for (key, instance, counted) in events(tx, &keys, cut).await? {
        let of_key = earlier.entry(key).or_default();
        let of_instance = of_key.by_instance.entry(instance).or_default();
        of_instance.add(&counted).map_err(|error| sqlx::Error::Decode(error.into()))?;
    }
    Ok(earlier)
}

async fn used(tx: &mut TenantTx, keys: &[(Key, Aggregation)], cut: i64) -> sqlx::Result<BTreeMap<Key, Earlier>> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = sqlx::query!(
        r#"SELECT l.rate_id, l.period_start, l.period_end, sum(l.used_after - coalesce(l.used_before, 0)) AS "used!"
           FROM UNNEST($2::uuid[], $3::timestamptz[], $4::timestamptz[]) AS late (rate_id, period_start, period_end)
           JOIN invoice_line l ON l.tenant_id = $1 AND l.rate_id = late.rate_id
             AND l.period_start = late.period_start AND l.period_end = late.period_end
           JOIN invoice i ON i.tenant_id = $1 AND i.id = l.invoice_id
           JOIN cycle c ON c.tenant_id = $1 AND c.id = i.cycle_id AND c.cut_seq < $5
           GROUP BY l.rate_id, l.period_start, l.period_end"#,
        tx.tenant().0,
        &keys.iter().map(|((rate, _), _)| *rate).collect::<Vec<_>>(),
        &keys.iter().map(|((_, period), _)| period.from).collect::<Vec<_>>(),
        &keys.iter().map(|((_, period), _)| period.until).collect::<Vec<_>>(),
        cut
    );
    let earlier = rows.fetch_all(&mut **tx).await?.into_iter().map(|row| {
        let period = Span { from: row.period_start, until: row.period_end };
        ((row.rate_id, period), Earlier { used: row.used, by_instance: BTreeMap::new() })
    });
    Ok(earlier.collect())
}

async fn events(
    tx: &mut TenantTx,
    keys: &[(Key, Aggregation)],
    cut: i64,
) -> sqlx::Result<Vec<(Key, InstanceId, Counted)>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        "SELECT l.rate_id, l.period_start, l.period_end, p.instance_id, p.events, p.quantity, p.max_quantity,
           p.last_quantity, p.last_at
         FROM UNNEST($2::uuid[], $3::timestamptz[], $4::timestamptz[]) AS late (rate_id, period_start, period_end)
         JOIN invoice_line l ON l.tenant_id = $1 AND l.rate_id = late.rate_id
           AND l.period_start = late.period_start AND l.period_end = late.period_end
         JOIN invoice i ON i.tenant_id = $1 AND i.id = l.invoice_id
         JOIN cycle c ON c.tenant_id = $1 AND c.id = i.cycle_id AND c.cut_seq < $5
         JOIN usage_part p ON p.tenant_id = $1 AND p.line_id = l.id",
        tx.tenant().0,
        &keys.iter().map(|((rate, _), _)| *rate).collect::<Vec<_>>(),
        &keys.iter().map(|((_, period), _)| period.from).collect::<Vec<_>>(),
        &keys.iter().map(|((_, period), _)| period.until).collect::<Vec<_>>(),
        cut
    );
    let counted = rows.fetch_all(&mut **tx).await?.into_iter().map(|row| {
        let last = Some(Last { at: row.last_at, quantity: row.last_quantity });
        let counted = Counted { rows: row.events, sum: row.quantity, max: row.max_quantity, last };
        let period = Span { from: row.period_start, until: row.period_end };
        ((row.rate_id, period), InstanceId(row.instance_id), counted)
    });
    Ok(counted.collect())
}
