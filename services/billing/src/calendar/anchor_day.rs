//! The day of the month on which cycles begin.

use chrono::{Datelike, NaiveDate};

/// From 1 to 31; a month that is too short has it on its last day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnchorDay(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a day of the month, from 1 to 31")]
pub struct NotAnAnchorDay;

impl TryFrom<u32> for AnchorDay {
    type Error = NotAnAnchorDay;
    fn try_from(day: u32) -> Result<Self, NotAnAnchorDay> {
        (1..=31).contains(&day).then_some(Self(day)).ok_or(NotAnAnchorDay)
    }
}

impl AnchorDay {
    pub fn number(self) -> i16 {
        i16::try_from(self.0).expect("at most 31")
    }

    /// Its date in a month, which is counted from 0; `None` in a year that chrono does not know.
    pub fn in_month(self, year: i32, month0: u32) -> Option<NaiveDate> {
        let first = NaiveDate::from_ymd_opt(year, month0 + 1, 1)?;
        first.with_day(self.0.min(first.num_days_in_month().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_a_day_that_some_month_has() {
        assert_eq!([0, 32, u32::MAX].map(AnchorDay::try_from), [Err(NotAnAnchorDay); 3]);
        assert!((1..=31).all(|day| AnchorDay::try_from(day).is_ok()));
    }

    #[test]
    fn a_short_month_has_it_on_its_last_day() {
        let days = |anchor: u32, year| {
            let anchor = AnchorDay::try_from(anchor).unwrap();
            (0..12).map(|month0| anchor.in_month(year, month0).unwrap().day()).collect::<Vec<_>>()
        };
        for (anchor, year, expected) in [
            (31, 2027, [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]),
            (31, 2028, [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]),
            (30, 2027, [30, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30]),
            (30, 2028, [30, 29, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30]),
            (29, 2027, [29, 28, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29]),
            (29, 2028, [29; 12]),
            // Divisible by 100, and not by 400.
            (29, 2100, [29, 28, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29]),
            (28, 2027, [28; 12]),
            (1, 2027, [1; 12]),
        ] {
            assert_eq!(days(anchor, year), expected, "{anchor} in {year}");
        }
    }

    #[test]
    fn a_year_that_no_calendar_has_has_none() {
        assert_eq!(AnchorDay::try_from(1).unwrap().in_month(i32::MAX, 0), None);
    }
}
