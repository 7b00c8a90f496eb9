//! How does usage become lines? One line for each rate, made of every rated input before the period's end that no earlier line has taken.

use super::model::{Input, Priced, Tally, seconds};
use crate::{
    accounts::Account,
    cycles::close::CloseError,
    rates::{self, Kind, Rate},
    usage::due::{self, DueInterval},
};
use chrono::{DateTime, Utc};
use common::{ambient::Ambient, db::TenantTx};
use futures_util::TryStreamExt;
use sqlx::types::Json;
use std::collections::HashMap;
use uuid::Uuid;

/// An invoice that is being made.
pub struct Draft {
    pub id: Uuid,
    pub cycle_id: Uuid,
    pub period_start: DateTime<Utc>,
    pub period_end: DateTime<Utc>,
}

pub async fn insert(tx: &mut TenantTx, account: &Account, draft: &Draft) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO invoice (id, tenant_id, cycle_id, state, currency, total_minor, period_start, period_end, issued_at)
         VALUES ($1, $2, $3, 'draft', $4, 0, $5, $6, $6)",
        draft.id,
        tx.tenant().0,
        draft.cycle_id,
        account.currency.code(),
        draft.period_start,
        draft.period_end,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Gives the draft its total and its number; from then on the database refuses every change. The number's row is taken last, so that it is held shortly.
pub async fn finalize(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH next AS (UPDATE invoice_counter SET last = last + 1 RETURNING last)
         UPDATE invoice SET state = 'finalized', number = lpad(next.last::text, greatest(8, length(next.last::text)), '0'),
             total_minor = (SELECT coalesce(sum(amount_minor), 0) FROM invoice_line WHERE invoice_id = $1 AND tenant_id = $2)::bigint
         FROM next WHERE id = $1 AND tenant_id = $2",
        invoice,
        tx.tenant().0,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub async fn add_features(
    tx: &mut TenantTx,
    ambient: &Ambient,
    account: &Account,
    draft: &Draft,
) -> Result<(), CloseError> {
    let intervals = due::intervals(tx, account.currency.code(), draft.period_end).await?;
    let mut by_rate: HashMap<Uuid, (Tally, Vec<&DueInterval>)> = HashMap::new();
    for interval in &intervals {
        let (tally, taken) = by_rate.entry(interval.rate_id).or_default();
        tally.add(&part(interval))?;
        taken.push(interval);
    }
    for rate in rates::find(tx, &by_rate.keys().copied().collect::<Vec<_>>()).await? {
        let Some((tally, taken)) = by_rate.remove(&rate.id) else { continue };
        let line = add_line(tx, ambient, draft, &rate, tally.price(&rate)?).await?;
        due::bill_intervals(tx, line, &taken).await?;
    }
    Ok(())
}

pub async fn add_meters(
    tx: &mut TenantTx,
    ambient: &Ambient,
    account: &Account,
    draft: &Draft,
) -> Result<(), CloseError> {
    let mut by_rate: HashMap<Uuid, (Tally, Vec<Uuid>)> = HashMap::new();
    // One statement, one snapshot: what is added up is what is billed, whatever arrives meanwhile.
    let mut events = due::events(tx, account.currency.code(), draft.period_end);
    while let Some((rate_id, event)) = events.try_next().await? {
        let (tally, taken) = by_rate.entry(rate_id).or_default();
        tally.add(&event)?;
        taken.push(event.id());
    }
    drop(events);
    for rate in rates::find(tx, &by_rate.keys().copied().collect::<Vec<_>>()).await? {
        let Some((tally, taken)) = by_rate.remove(&rate.id) else { continue };
        let line = add_line(tx, ambient, draft, &rate, tally.price(&rate)?).await?;
        due::bill_events(tx, line, &taken).await?;
    }
    Ok(())
}

fn part(interval: &DueInterval) -> Input {
    Input::Interval {
        id: interval.id,
        instance_id: interval.instance_id,
        feature: interval.feature.clone(),
        host: interval.host.clone(),
        since: interval.begin_at,
        from: interval.billed_until,
        until: interval.until,
        seconds: seconds(interval.billed_until, interval.until),
    }
}

async fn add_line(
    tx: &mut TenantTx,
    ambient: &Ambient,
    draft: &Draft,
    rate: &Rate,
    priced: Priced,
) -> sqlx::Result<Uuid> {
    let id = ambient.uuid();
    sqlx::query!(
        "INSERT INTO invoice_line (id, invoice_id, tenant_id, kind, service, name, description, quantity, unit, rate_id, price, amount_minor, currency,
                                   components, input_count, input_sha256)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, decode($16, 'hex'))",
        id,
        draft.id,
        tx.tenant().0,
        rate.kind as Kind,
        rate.service,
        rate.name,
        format!("{}, per {}", rate.title, rate.unit),
        priced.quantity,
        rate.unit,
        rate.id,
        rate.price,
        priced.amount_minor,
        rate.currency.code(),
        Json(&priced.components) as _,
        priced.inputs,
        priced.sha256,
    )
    .execute(&mut **tx)
    .await?;
    Ok(id)
}
