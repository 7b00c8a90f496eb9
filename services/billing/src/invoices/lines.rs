//! Lines of usage: one for each rate and period, made of every rated input that no earlier line has taken.

use super::{
    model::{Input, PartOfLine, Sum, Tally, TooLarge, seconds},
    store::{self, Draft},
};
use crate::{
    accounts::Account,
    rates,
    usage::{
        interval_store::{self, DueInterval},
        part_store,
        window::Span,
    },
};
use common::{ambient::Ambient, db::TenantTx};
use contracts::id::InstanceId;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Nothing may be committed.
#[derive(Debug, thiserror::Error)]
pub enum NotInvoiced {
    #[error("the cycle cannot be closed in the database")]
    Database(#[from] sqlx::Error),
    #[error("a line cannot be priced")]
    Price(#[from] TooLarge),
}

impl NotInvoiced {
    /// Why no repetition helps; `None` if one may.
    pub fn lasting(&self) -> Option<String> {
        match self {
            Self::Price(_) => Some("too_large".into()),
            // Data that PostgreSQL refuses (class 22), and constraints (23):
            // <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
            Self::Database(sqlx::Error::Database(refusal)) => {
                let code = refusal.code().filter(|code| code.starts_with("22") || code.starts_with("23"))?;
                Some(refusal.constraint().unwrap_or(&code).to_owned())
            }
            Self::Database(_) => None,
        }
    }
}

pub async fn add_features(
    tx: &mut TenantTx,
    ambient: &Ambient,
    account: &Account,
    draft: &Draft,
) -> Result<(), NotInvoiced> {
    let intervals = interval_store::due(tx, account.currency.code(), draft.period.until).await?;
    let mut groups: Groups<&DueInterval> = BTreeMap::new();
    for interval in &intervals {
        let (tally, taken) = groups.entry((interval.rate_id, draft.period)).or_default();
        tally.add(&part(interval))?;
        taken.push(interval);
    }
    add(tx, ambient, draft, groups, interval_store::bill).await
}

/// Also of parts that waited for their rate.
pub async fn add_meters(
    tx: &mut TenantTx,
    ambient: &Ambient,
    account: &Account,
    draft: &Draft,
) -> Result<(), NotInvoiced> {
    let mut groups: Groups<Uuid> = BTreeMap::new();
    for part in part_store::rated(tx, account.currency.code()).await? {
        let period = Span { from: part.period_start, until: part.period_end };
        let (tally, taken) = groups.entry((part.rate_id, period)).or_default();
        taken.push(part.id);
        let PartOfLine { instance_id, events, quantity, sha256, .. } = part;
        tally.add_part(InstanceId(instance_id), &Sum { quantity, inputs: events, sha256 })?;
    }
    add(tx, ambient, draft, groups, part_store::bill).await
}

/// What is added up under each rate of a period, and the rows that it takes.
type Groups<T> = BTreeMap<(Uuid, Span), (Tally, Vec<T>)>;

/// One line for each group; `bill` notes on the rows that the line has taken them.
async fn add<T>(
    tx: &mut TenantTx,
    ambient: &Ambient,
    draft: &Draft,
    groups: Groups<T>,
    bill: impl AsyncFn(&mut TenantTx, Uuid, &[T]) -> sqlx::Result<()>,
) -> Result<(), NotInvoiced> {
    if groups.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = groups.keys().map(|(rate, _)| *rate).collect();
    let rates = rates::store::find(tx, &ids).await?;
    for ((rate_id, period), (tally, taken)) in groups {
        let rate = rates.iter().find(|rate| rate.id == rate_id).ok_or(sqlx::Error::RowNotFound)?;
        let line = ambient.uuid();
        store::insert_line(tx, line, draft, period, rate, &tally.price(rate)?).await?;
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
