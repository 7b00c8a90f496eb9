//! Drafts: usage becomes lines, one for each rate, made of every rated input before the period's end that no earlier
//! line has taken.

use super::{
    model::{Input, Tally, TooLarge, seconds},
    store::{self, Draft},
};
use crate::{
    accounts::Account,
    rates,
    usage::due_store::{self, DueInterval},
};
use common::{ambient::Ambient, db::TenantTx, problem::Problem};
use futures_util::TryStreamExt;
use messaging::OutboxError;
use std::collections::HashMap;
use uuid::Uuid;

/// Nothing may be committed.
#[derive(Debug, thiserror::Error)]
pub enum NotInvoiced {
    #[error("the cycle cannot be closed in the database")]
    Database(#[from] sqlx::Error),
    #[error("the mail of the invoice cannot be ordered")]
    Mail(#[from] OutboxError),
    #[error("a line cannot be priced")]
    Price(#[from] TooLarge),
}

impl From<NotInvoiced> for Problem {
    fn from(error: NotInvoiced) -> Self {
        match error {
            NotInvoiced::Database(error) | NotInvoiced::Mail(OutboxError::Database(error)) => error.into(),
            other => Self::internal(&other),
        }
    }
}

pub async fn add_features(
    tx: &mut TenantTx,
    ambient: &Ambient,
    account: &Account,
    draft: &Draft,
) -> Result<(), NotInvoiced> {
    let intervals = due_store::intervals(tx, account.currency.code(), draft.period_end).await?;
    let mut by_rate: ByRate<&DueInterval> = HashMap::new();
    for interval in &intervals {
        let (tally, taken) = by_rate.entry(interval.rate_id).or_default();
        tally.add(&part(interval))?;
        taken.push(interval);
    }
    add_lines(tx, ambient, draft, by_rate, due_store::bill_intervals).await
}

pub async fn add_meters(
    tx: &mut TenantTx,
    ambient: &Ambient,
    account: &Account,
    draft: &Draft,
) -> Result<(), NotInvoiced> {
    let mut by_rate: ByRate<Uuid> = HashMap::new();
    // One statement, one snapshot: what is added up is what is billed, whatever arrives meanwhile.
    let mut events = due_store::events(tx, account.currency.code(), draft.period_end);
    while let Some((rate_id, event)) = events.try_next().await? {
        let (tally, taken) = by_rate.entry(rate_id).or_default();
        tally.add(&event)?;
        taken.push(event.id());
    }
    drop(events);
    add_lines(tx, ambient, draft, by_rate, due_store::bill_events).await
}

/// What is added up under each rate, and the rows that it takes.
type ByRate<T> = HashMap<Uuid, (Tally, Vec<T>)>;

/// One line for each rate; `bill` notes on the rows that the line has taken them.
async fn add_lines<T>(
    tx: &mut TenantTx,
    ambient: &Ambient,
    draft: &Draft,
    mut by_rate: ByRate<T>,
    bill: impl AsyncFn(&mut TenantTx, Uuid, &[T]) -> sqlx::Result<()>,
) -> Result<(), NotInvoiced> {
    for rate in rates::store::find(tx, &by_rate.keys().copied().collect::<Vec<_>>()).await? {
        let Some((tally, taken)) = by_rate.remove(&rate.id) else { continue };
        let line = ambient.uuid();
        store::insert_line(tx, line, draft, &rate, &tally.price(&rate)?).await?;
        bill(tx, line, &taken).await?;
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
