//! Windows of usage: which events does a cycle take? Pure.
//!
//! ```text
//!   sequence numbers
//!        │        taken by the      ┊  A: came since the
//!   cut ─┼╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┊╌╌╌╌cut before╌╌╌╌╌╌╌
//!  before│        cycles before     ┊  B: came early
//!        └──────────────────────────┴────────────────────┤→ time of use
//!                                 start                 end
//! ```
//! A cycle takes what was numbered up to its cut and used before its end, and no cycle before has taken. What is late
//! is in A as well, left of the start.

use super::periods::Periods;
use crate::{
    calendar::Span,
    plans::price_list::{self, Terms},
};
use chrono::{DateTime, Utc};

/// What a cycle takes.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub cycle: Span,
    /// Cut of the cycle before; 0 for the first.
    pub after_seq: i64,
    /// Its own cut.
    pub until_seq: i64,
}

impl Window {
    pub fn takes(&self, seq: i64, occurred_at: DateTime<Utc>) -> bool {
        seq <= self.until_seq
            && occurred_at < self.cycle.until
            && (seq > self.after_seq || occurred_at >= self.cycle.from)
    }
}

/// The numbers and times of a part: it is every event of an instance and a meter that lies in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Area {
    /// The first and the last number.
    pub seqs: (i64, i64),
    pub times: Span,
    /// The cycle that the times belong to.
    pub period: Span,
}

/// Into which areas a window falls.
pub struct Areas {
    window: Window,
    periods: Periods,
    terms: Terms,
}

impl Areas {
    pub fn new(window: Window, periods: Periods, terms: Terms) -> Self {
        Self { window, periods, terms }
    }

    /// As they were known when the areas were made.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The area of an event that the window takes.
    pub fn of(&self, service: &str, seq: i64, occurred_at: DateTime<Utc>) -> Area {
        let (period, stretch) = self.periods.of(occurred_at);
        let early = seq <= self.window.after_seq;
        let seqs = match early {
            true => (1, self.window.after_seq),
            false => (self.window.after_seq + 1, self.window.until_seq),
        };
        // Of what came early, nothing before the start: that, the cycles before have taken.
        let stretch = if early { stretch.within(self.window.cycle) } else { stretch };
        Area { seqs, times: stretch.within(price_list::term(&self.terms, service, occurred_at)), period }
    }
}

#[cfg(test)]
#[path = "window/tests.rs"]
mod tests;
