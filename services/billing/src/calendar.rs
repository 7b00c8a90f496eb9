//! The calendar of billing: when the cycles of an account begin and end. Pure.
//!
//! A cycle begins at midnight of its anchor day, by the clocks of the account's time zone, and ends where the next one
//! begins. Calendar months are cycles whose anchor is the first day.

mod anchor_day;
mod span;
#[cfg(test)]
mod tests;
mod zone;

pub use anchor_day::AnchorDay;
pub use span::Span;
pub use zone::TimeZone;

use chrono::{DateTime, Datelike, NaiveDate, Utc};

const MONTHS_OF_A_YEAR: i32 = 12;

/// When the cycles of one account begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    zone: TimeZone,
    anchor_day: AnchorDay,
}

impl Schedule {
    pub fn new(zone: TimeZone, anchor_day: AnchorDay) -> Self {
        Self { zone, anchor_day }
    }

    /// The date that the account's calendars show at `instant`.
    pub fn date(&self, instant: DateTime<Utc>) -> NaiveDate {
        self.zone.date(instant)
    }

    /// The first moment after `instant` at which a cycle begins.
    pub fn next_after(&self, instant: DateTime<Utc>) -> DateTime<Utc> {
        self.period(instant).until
    }

    /// The cycle that `instant` is in. What lies beyond the years that chrono knows ends with them.
    pub fn period(&self, instant: DateTime<Utc>) -> Span {
        let date = self.zone.date(instant);
        let month = date.year() * MONTHS_OF_A_YEAR + date.month0().cast_signed();
        // Where clocks go back over midnight, the next day has begun though they show the day before once more.
        let later = |boundary: &DateTime<Utc>| *boundary > instant;
        let boundaries = |months: [i32; 3]| months.into_iter().filter_map(|month| self.begin_of(month));
        let start = boundaries([month + 1, month, month - 1]).find(|boundary| !later(boundary));
        let end = boundaries([month, month + 1, month + 2]).find(later);
        Span { from: start.unwrap_or(Span::ALWAYS.from), until: end.unwrap_or(Span::ALWAYS.until) }
    }

    /// Where the cycle of a month begins; months are counted from the year 0.
    fn begin_of(&self, month: i32) -> Option<DateTime<Utc>> {
        let (year, month0) = (month.div_euclid(MONTHS_OF_A_YEAR), month.rem_euclid(MONTHS_OF_A_YEAR));
        self.zone.midnight(self.anchor_day.in_month(year, month0.cast_unsigned())?)
    }
}
