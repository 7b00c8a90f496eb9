//! Lines of usage: one for each rate and period, made of every rated input that no earlier line has taken.

use super::{
    model::{Input, PartOfLine, Sum, Tally, TooLarge, seconds},
    store::{self, Draft, PricedLine},
};
use crate::{
    accounts::Account,
    rates,
    usage::{
        interval_store::{self, DueInterval},
        part_store,
        parts::Part,
        window::Span,
    },
};
use common::{ambient::Ambient, db::TenantTx};
use contracts::id::InstanceId;
use std::collections::{BTreeMap, HashMap};
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
            // Data that PostgreSQL refuses (class 22), constraints (23), and what is too large for it (54):
            // <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
            Self::Database(sqlx::Error::Database(refusal)) => {
                let lasting = |code: &str| ["22", "23", "54"].iter().any(|class| code.starts_with(class));
                let code = refusal.code().filter(|code| lasting(code))?;
                Some(refusal.constraint().unwrap_or(&code).to_owned())
            }
            Self::Database(sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. }) => Some("unreadable".into()),
            Self::Database(_) => None,
        }
    }
}

/// Adds a line for each rate and period, and gives what they come to in minor units: what is due of intervals, the cycle's `parts` of metered usage, and earlier
/// ones that waited for their rate.
pub async fn add(
    tx: &mut TenantTx,
    ambient: &Ambient,
    account: &Account,
    draft: &Draft,
    parts: Vec<Part>,
) -> Result<i64, NotInvoiced> {
    let currency = account.currency.code();
    let intervals = interval_store::due(tx, currency, draft.period.until).await?;
    let rates = part_store::rates(tx, currency, &parts).await?;
    let new: Vec<_> =
        parts.into_iter().zip(rates).map(|(part, rate)| NewPart { id: ambient.uuid(), rate, part }).collect();
    let mut taken: Vec<PartOfLine> = new.iter().filter_map(NewPart::taken).collect();
    taken.extend(part_store::rated(tx, currency).await?);
    // In the order in which their hashes are read again.
    taken.sort_unstable_by_key(|part| part.id);

    let mut lines = Lines { ambient, of: BTreeMap::new() };
    for interval in &intervals {
        let line = lines.of(interval.rate_id, draft.period);
        line.tally.add(&input(interval))?;
        line.intervals.push(interval);
    }
    for PartOfLine { id, rate_id, instance_id, period_start, period_end, events, quantity, sha256 } in taken {
        let line = lines.of(rate_id, Span { from: period_start, until: period_end });
        line.tally.add_part(InstanceId(instance_id), &Sum { quantity, inputs: events, sha256 })?;
        line.parts.push(id);
    }
    lines.insert(tx, draft, &new).await
}

/// A part of the cycle, and its rate if there is one.
struct NewPart {
    id: Uuid,
    rate: Option<Uuid>,
    part: Part,
}

impl NewPart {
    /// As a line takes it; `None` without a rate.
    fn taken(&self) -> Option<PartOfLine> {
        let Self { id, rate, part: Part { instance_id, area, sum, .. } } = self;
        Some(PartOfLine {
            id: *id,
            rate_id: (*rate)?,
            instance_id: instance_id.0,
            period_start: area.period.from,
            period_end: area.period.until,
            events: sum.inputs,
            quantity: sum.quantity,
            sha256: sum.sha256.clone(),
        })
    }
}

/// Lines that are being made, by rate and period.
struct Lines<'a> {
    ambient: &'a Ambient,
    of: BTreeMap<(Uuid, Span), OpenLine<'a>>,
}

struct OpenLine<'a> {
    id: Uuid,
    tally: Tally,
    intervals: Vec<&'a DueInterval>,
    parts: Vec<Uuid>,
}

impl<'a> Lines<'a> {
    fn of(&mut self, rate: Uuid, period: Span) -> &mut OpenLine<'a> {
        let line = || OpenLine { id: self.ambient.uuid(), tally: Tally::default(), intervals: vec![], parts: vec![] };
        self.of.entry((rate, period)).or_insert_with(line)
    }

    /// Writes the lines, and on each row that they take, which one that is; gives their total.
    async fn insert(self, tx: &mut TenantTx, draft: &Draft, new: &[NewPart]) -> Result<i64, NotInvoiced> {
        let ids: Vec<_> = self.of.keys().map(|(rate, _)| *rate).collect();
        let rates = rates::store::find(tx, &ids).await?;
        let (mut priced, mut intervals, mut parts) = (Vec::new(), Vec::new(), HashMap::new());
        for ((rate_id, period), line) in self.of {
            let rate = rates.iter().find(|rate| rate.id == rate_id).ok_or(sqlx::Error::RowNotFound)?;
            priced.push(PricedLine { id: line.id, period, rate, priced: line.tally.price(rate)? });
            intervals.extend(line.intervals.into_iter().map(|interval| (line.id, interval)));
            parts.extend(line.parts.into_iter().map(|part| (part, line.id)));
        }
        let mut amounts = priced.iter().map(|line| line.priced.amount_minor);
        let total = amounts.try_fold(0_i64, i64::checked_add).ok_or(TooLarge)?;
        store::insert_lines(tx, draft, &priced).await?;
        interval_store::bill(tx, &intervals).await?;
        let rows: Vec<_> = new.iter().map(|new| (new.id, parts.remove(&new.id), &new.part)).collect();
        part_store::insert(tx, draft.cycle_id, &rows).await?;
        // What is left waited for its rate.
        part_store::bill(tx, &parts.into_iter().collect::<Vec<_>>()).await?;
        Ok(total)
    }
}

fn input(interval: &DueInterval) -> Input {
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
