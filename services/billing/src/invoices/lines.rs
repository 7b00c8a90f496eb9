//! Lines of usage: one for each rate and period, made of every rated input that no earlier line has taken.

use super::{
    earlier_store::{self, Key},
    model::{Input, Tally, Unpriceable},
    not_invoiced::NotInvoiced,
    store::{self, Draft, PricedLine},
};
use crate::{
    calendar::Span,
    plans::{Kind, Rate, price_list::PriceList},
    pricing::billable_seconds,
    usage::{
        interval_store::{self, BilledPiece, DueInterval},
        part_store,
        parts::{KeptPart, Part},
        periods::{Periods, Piece},
    },
};
use chrono::{DateTime, Utc};
use common::{ambient::Ambient, db::TenantTx};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Lines that have been priced, and what they take.
pub struct Bill<'a> {
    pub lines: Vec<PricedLine<'a>>,
    pieces: Vec<BilledPiece>,
    /// Intervals, and up to when they are billed.
    billed: Vec<(Uuid, DateTime<Utc>)>,
    /// Parts, with the lines that bill them.
    parts: HashMap<Uuid, Uuid>,
    /// Parts that are not kept yet.
    new: Vec<(Uuid, Part)>,
}

/// Prices what is due of intervals, the `parts` of metered usage that the last of `periods` takes, and earlier parts
/// that waited for their rate. Nothing is written.
pub async fn price<'a>(
    tx: &mut TenantTx,
    ambient: &Ambient,
    periods: &Periods,
    prices: &'a PriceList,
    intervals: &[DueInterval],
    parts: Vec<Part>,
) -> Result<Bill<'a>, NotInvoiced> {
    let mut lines = Lines { ambient, of: BTreeMap::new(), billed: Vec::new() };
    for interval in intervals {
        lines.add_interval(interval, periods, prices)?;
    }
    let new: Vec<_> = parts.into_iter().map(|part| (ambient.uuid(), part)).collect();
    let mut kept: Vec<_> = new.iter().map(|(id, part)| KeptPart::new(*id, part)).collect();
    kept.extend(part_store::unbilled(tx).await?);
    // In the order in which their hashes are read again.
    kept.sort_unstable_by_key(|part| part.id);
    for part in kept {
        if let Some(rate) = prices.rate(Kind::Meter, &part.meter, part.last) {
            lines.of(rate, part.period).add_part(&part)?;
        }
    }
    lines.price(tx, periods.last(), new).await
}

impl Bill<'_> {
    /// Writes the lines of a draft, and on each row that they take, which one that is.
    pub async fn write(mut self, tx: &mut TenantTx, draft: &Draft) -> sqlx::Result<()> {
        store::insert_lines(tx, draft, &self.lines).await?;
        interval_store::bill(tx, &self.pieces, &self.billed).await?;
        let new: Vec<_> = self.new.iter().map(|(id, part)| (*id, self.parts.remove(id), part)).collect();
        part_store::insert(tx, draft.cycle_id, &new).await?;
        // What is left waited for its rate.
        part_store::bill(tx, &self.parts.into_iter().collect::<Vec<_>>()).await
    }
}

/// Lines that are being made, by rate and period.
struct Lines<'a, 'b> {
    ambient: &'b Ambient,
    of: BTreeMap<Key, OpenLine<'a>>,
    billed: Vec<(Uuid, DateTime<Utc>)>,
}

struct OpenLine<'a> {
    id: Uuid,
    rate: &'a Rate,
    tally: Tally,
    pieces: Vec<BilledPiece>,
    parts: Vec<Uuid>,
}

impl<'a> Lines<'a, '_> {
    fn of(&mut self, rate: &'a Rate, period: Span) -> &mut OpenLine<'a> {
        self.of.entry((rate.id, period)).or_insert_with(|| OpenLine {
            id: self.ambient.uuid(),
            rate,
            tally: Tally::default(),
            pieces: vec![],
            parts: vec![],
        })
    }

    /// Adds the pieces of an interval that are rated, and passes over those that cost nothing. It is billed up to one
    /// moment, so what waits for a rate waits only behind the last piece that has one.
    fn add_interval(
        &mut self,
        interval: &DueInterval,
        periods: &Periods,
        prices: &'a PriceList,
    ) -> Result<(), Unpriceable> {
        let DueInterval { service, feature, begin_at, billed_until, until, .. } = interval;
        let rate_at = |at| prices.rate(Kind::Feature, feature, at);
        let pieces = periods.pieces(prices.terms(), service, *billed_until, *until);
        let settled = |piece: &Piece| rate_at(piece.last()).is_some() || prices.is_complete(service, piece.last());
        let Some(last) = pieces.iter().rposition(settled) else { return Ok(()) };
        for piece in &pieces[..=last] {
            if let Some(rate) = rate_at(piece.last()) {
                // The minimum is that of the rate at which the interval began.
                let first = rate_at(*begin_at).is_some_and(|begun| begun.id == rate.id);
                let minimum = if first { rate.charge.minimum_seconds() } else { 0 };
                self.of(rate, piece.period).add_piece(interval, *piece, minimum)?;
            }
        }
        self.billed.push((interval.id, pieces[last].until));
        Ok(())
    }

    async fn price(self, tx: &mut TenantTx, own: Span, new: Vec<(Uuid, Part)>) -> Result<Bill<'a>, NotInvoiced> {
        // Of its own period, an invoice is the first.
        let late: Vec<_> = self.of.iter().filter(|((_, period), _)| *period != own).collect();
        let late: Vec<_> = late.into_iter().map(|(key, line)| (*key, line.rate.aggregation)).collect();
        let earlier = earlier_store::of(tx, &late, i64::MAX).await?;
        let mut bill = Bill { lines: vec![], pieces: vec![], billed: self.billed, parts: HashMap::new(), new };
        for (key, line) in self.of {
            let (id, rate) = (line.id, line.rate);
            let priced = line.tally.price(rate, earlier.get(&key))?;
            bill.pieces.extend(line.pieces);
            bill.parts.extend(line.parts.into_iter().map(|part| (part, id)));
            bill.lines.push(PricedLine { id, period: key.1, rate, priced });
        }
        Ok(bill)
    }
}

impl OpenLine<'_> {
    fn add_piece(&mut self, interval: &DueInterval, piece: Piece, minimum_seconds: u32) -> Result<(), Unpriceable> {
        let Piece { from, until, .. } = piece;
        self.pieces.push(BilledPiece { line_id: self.id, interval_id: interval.id, from, until, minimum_seconds });
        Ok(self.tally.add(&Input::Interval {
            id: interval.id,
            instance_id: interval.instance_id,
            feature: interval.feature.clone(),
            host: interval.host.clone(),
            since: interval.begin_at,
            from,
            until,
            seconds: billable_seconds(interval.begin_at, from, until, minimum_seconds),
        })?)
    }

    fn add_part(&mut self, part: &KeptPart) -> Result<(), Unpriceable> {
        self.parts.push(part.id);
        Ok(self.tally.add_part(part.instance_id, &part.sum)?)
    }
}
