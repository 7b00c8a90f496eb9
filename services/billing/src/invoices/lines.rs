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
    pricing::{TooLarge, billable_seconds},
    usage::{
        interval_store::{self, DueInterval},
        part_store,
        parts::{KeptPart, Part},
        periods::{Periods, Piece},
    },
};
use common::{ambient::Ambient, db::TenantTx};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Adds the lines of a draft, and gives what they come to in minor units: what is due of intervals, the cycle's `parts`
/// of metered usage, and earlier ones that waited for their rate.
pub async fn add(
    tx: &mut TenantTx,
    ambient: &Ambient,
    draft: &Draft,
    periods: &Periods,
    prices: &PriceList,
    parts: Vec<Part>,
) -> Result<i64, NotInvoiced> {
    let mut lines = Lines { ambient, of: BTreeMap::new() };
    for interval in interval_store::due(tx, draft.period.until).await? {
        for piece in periods.pieces(prices.terms(), &interval.service, interval.billed_until, interval.until) {
            // What follows waits with it: an interval is billed up to one moment.
            let Some(rate) = prices.rate(Kind::Feature, &interval.feature, piece.from.min(piece.until)) else { break };
            lines.of(rate, piece.period).add_piece(&interval, piece, rate)?;
        }
    }
    let new: Vec<_> = parts.into_iter().map(|part| (ambient.uuid(), part)).collect();
    let mut kept: Vec<_> = new.iter().map(|(id, part)| KeptPart::new(*id, part)).collect();
    kept.extend(part_store::unbilled(tx).await?);
    // In the order in which their hashes are read again.
    kept.sort_unstable_by_key(|part| part.id);
    for part in kept {
        if let Some(rate) = prices.rate(Kind::Meter, &part.meter, part.from) {
            lines.of(rate, part.period).add_part(&part)?;
        }
    }
    lines.insert(tx, draft, &new).await
}

/// Lines that are being made, by rate and period.
struct Lines<'a> {
    ambient: &'a Ambient,
    of: BTreeMap<Key, OpenLine<'a>>,
}

struct OpenLine<'a> {
    id: Uuid,
    rate: &'a Rate,
    tally: Tally,
    pieces: Vec<(Uuid, Piece)>,
    parts: Vec<Uuid>,
}

impl<'a> Lines<'a> {
    fn of(&mut self, rate: &'a Rate, period: Span) -> &mut OpenLine<'a> {
        self.of.entry((rate.id, period)).or_insert_with(|| OpenLine {
            id: self.ambient.uuid(),
            rate,
            tally: Tally::default(),
            pieces: vec![],
            parts: vec![],
        })
    }

    /// Writes the lines, and on each row that they take, which one that is; gives their total.
    async fn insert(self, tx: &mut TenantTx, draft: &Draft, new: &[(Uuid, Part)]) -> Result<i64, NotInvoiced> {
        // Of its own period, an invoice is the first.
        let late: Vec<_> = self.of.iter().filter(|((_, period), _)| *period != draft.period).collect();
        let late: Vec<_> = late.into_iter().map(|(key, line)| (*key, line.rate.aggregation)).collect();
        let earlier = earlier_store::of(tx, &late, i64::MAX).await?;
        let (mut priced, mut pieces, mut parts) = (Vec::new(), Vec::new(), HashMap::new());
        for (key, line) in self.of {
            let (id, rate) = (line.id, line.rate);
            pieces.extend(line.pieces.into_iter().map(|(interval, piece)| (id, interval, piece)));
            parts.extend(line.parts.into_iter().map(|part| (part, id)));
            priced.push(PricedLine { id, period: key.1, rate, priced: line.tally.price(rate, earlier.get(&key))? });
        }
        let mut amounts = priced.iter().map(|line| line.priced.amount_minor);
        let total = amounts.try_fold(0_i64, i64::checked_add).ok_or(Unpriceable::TooLarge(TooLarge))?;
        store::insert_lines(tx, draft, &priced).await?;
        interval_store::bill(tx, &pieces).await?;
        let rows: Vec<_> = new.iter().map(|(id, part)| (*id, parts.remove(id), part)).collect();
        part_store::insert(tx, draft.cycle_id, &rows).await?;
        // What is left waited for its rate.
        part_store::bill(tx, &parts.into_iter().collect::<Vec<_>>()).await?;
        Ok(total)
    }
}

impl OpenLine<'_> {
    fn add_piece(&mut self, interval: &DueInterval, piece: Piece, rate: &Rate) -> Result<(), Unpriceable> {
        let Piece { from, until, .. } = piece;
        self.pieces.push((interval.id, piece));
        Ok(self.tally.add(&Input::Interval {
            id: interval.id,
            instance_id: interval.instance_id,
            feature: interval.feature.clone(),
            host: interval.host.clone(),
            since: interval.begin_at,
            from,
            until,
            seconds: billable_seconds(interval.begin_at, from, until, rate.charge.minimum_seconds()),
        })?)
    }

    fn add_part(&mut self, part: &KeptPart) -> Result<(), Unpriceable> {
        self.parts.push(part.id);
        Ok(self.tally.add_part(part.instance_id, &part.sum)?)
    }
}
