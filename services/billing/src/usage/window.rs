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

use chrono::{DateTime, Utc};
use contracts::id::InstanceId;
use std::collections::HashMap;

/// A stretch of time, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

impl Span {
    /// Before all and after all that is ever measured.
    pub const ALWAYS: Self = Self { from: DateTime::<Utc>::MIN_UTC, until: DateTime::<Utc>::MAX_UTC };

    pub fn contains(&self, time: DateTime<Utc>) -> bool {
        self.from <= time && time < self.until
    }

    /// What both have in common.
    fn within(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), until: self.until.min(other.until) }
    }
}

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
    /// Of the tenant's cycles up to this one, in their order and without gaps; the first reaches back for ever.
    periods: Vec<Span>,
    /// During which an instance ran one version, in their order.
    versions: HashMap<InstanceId, Vec<Span>>,
}

impl Areas {
    /// `periods` are those of the cycles before.
    pub fn new(window: Window, mut periods: Vec<Span>, versions: HashMap<InstanceId, Vec<Span>>) -> Self {
        periods.push(window.cycle);
        Self { window, periods, versions }
    }

    /// During which each instance ran one version, as far as it was known when the areas were made.
    pub fn versions(&self) -> &HashMap<InstanceId, Vec<Span>> {
        &self.versions
    }

    /// The area of an event that the window takes.
    pub fn of(&self, instance: InstanceId, seq: i64, occurred_at: DateTime<Utc>) -> Area {
        let at = self.periods.iter().rposition(|period| period.from <= occurred_at).unwrap_or(0);
        let period = self.periods[at];
        let stretch = if at == 0 { Span { from: Span::ALWAYS.from, ..period } } else { period };
        let versions = self.versions.get(&instance).into_iter().flatten();
        let version = versions.copied().find(|version| version.contains(occurred_at)).unwrap_or(Span::ALWAYS);
        let early = seq <= self.window.after_seq;
        let seqs = match early {
            true => (1, self.window.after_seq),
            false => (self.window.after_seq + 1, self.window.until_seq),
        };
        // Of what came early, nothing before the start: that, the cycles before have taken.
        let stretch = if early { stretch.within(self.window.cycle) } else { stretch };
        Area { seqs, times: stretch.within(version), period }
    }
}

#[cfg(test)]
#[path = "window/tests.rs"]
mod tests;
