//! The cycles of a tenant, and the pieces that intervals of use fall into. Pure.

use crate::{
    calendar::Span,
    plans::price_list::{self, Terms},
};
use chrono::{DateTime, TimeDelta, Utc};

/// A tenant's cycles up to the one that is being closed, in their order and without gaps.
#[derive(Clone)]
pub struct Periods(Vec<Span>);

/// A piece of an interval: in one cycle, and paid by one version of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    pub period: Span,
    /// Where it begins; after `until` where it takes back what was billed too much.
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

impl Piece {
    /// The moment that says what it costs.
    pub fn last(&self) -> DateTime<Utc> {
        self.from.max(self.until) - TimeDelta::microseconds(1)
    }
}

impl Periods {
    /// `earlier` are the cycles before `cycle`.
    pub fn new(mut earlier: Vec<Span>, cycle: Span) -> Self {
        earlier.push(cycle);
        Self(earlier)
    }

    /// The one that is being closed.
    pub fn last(&self) -> Span {
        self.0.last().copied().unwrap_or(Span::ALWAYS)
    }

    /// The cycle of a moment, and all the time that counts as its: the first reaches back for ever.
    pub fn of(&self, at: DateTime<Utc>) -> (Span, Span) {
        let number = self.0.iter().rposition(|period| period.from <= at).unwrap_or(0);
        let period = self.0[number];
        (period, if number == 0 { Span { from: Span::ALWAYS.from, ..period } } else { period })
    }

    /// The pieces of an interval from `from` until `until`, backwards if that is before; it ends with the last cycle at
    /// the latest.
    pub fn pieces(&self, terms: &Terms, service: &str, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Piece> {
        let (mut at, end) = (from.min(until), from.max(until).min(self.last().until));
        let mut pieces = Vec::new();
        while at < end {
            let (period, stretch) = self.of(at);
            let term = price_list::term(terms, service, at);
            let next = end.min(term.until).min(stretch.until);
            pieces.push(Piece { period, from: at, until: next });
            at = next;
        }
        if until < from {
            pieces.reverse();
            pieces.iter_mut().for_each(|piece| (piece.from, piece.until) = (piece.until, piece.from));
        }
        pieces
    }
}
