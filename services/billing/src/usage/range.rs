//! The times of use that an answer is about: a cycle or less, so that what it reads has a bound.

use super::model::CLOCK_AHEAD;
use chrono::{DateTime, TimeDelta, Utc};
use common::problem::{FieldError, Problem};
use serde::Deserialize;
use utoipa::IntoParams;

/// The longest cycle (51 days), what comes in its hours of grace, and what is ahead of our clocks.
const LONGEST: TimeDelta = TimeDelta::days(56);
/// Nothing was metered before.
const EARLIEST: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// `?from=&until=`
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RangeQuery {
    /// Used at this time or later; without it, at most 56 days before the end.
    pub from: Option<DateTime<Utc>>,
    /// Used before this time; without it, up to now.
    pub until: Option<DateTime<Utc>>,
}

/// A stretch of time, without its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

impl RangeQuery {
    /// 422 unless it is a range, and no longer than 56 days.
    pub fn check(self, now: DateTime<Utc>) -> Result<Range, Problem> {
        // What a producer's clock that is ahead has counted is used now.
        let until = self.until.unwrap_or(now + CLOCK_AHEAD);
        let from = self.from.unwrap_or_else(|| until.checked_sub_signed(LONGEST).unwrap_or(EARLIEST).max(EARLIEST));
        let fault = |code, text: String| Err(Problem::invalid(vec![FieldError::new("from", code, text)]));
        if from < EARLIEST || until <= from {
            fault("out_of_range", "must be before until, and not before 1970".into())
        } else if until - from > LONGEST {
            fault("range_too_wide", format!("must be at most {} days before until", LONGEST.num_days()))
        } else {
            Ok(Range { from, until })
        }
    }
}

/// What an answer may read, or show, was not enough for the range.
pub fn too_much(what: &str, most: usize) -> Problem {
    let text = format!("has more than {most} {what} up to until: ask for a shorter range");
    Problem::invalid(vec![FieldError::new("from", "range_too_wide", text)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn check(from: Option<i64>, until: Option<i64>) -> Result<Range, String> {
        let range = RangeQuery { from: from.map(at), until: until.map(at) }.check(at(0));
        range.map_err(|problem| problem.errors[0].code.clone())
    }

    #[test]
    fn a_range_is_56_days_or_less_and_ends_now_unless_it_says_so() {
        let range = |from, until| Ok(Range { from: at(from), until: at(until) });
        assert_eq!(check(None, None), range(-55 * DAY, DAY));
        assert_eq!(check(Some(-3), None), range(-3, DAY));
        assert_eq!(check(None, Some(-3)), range(-56 * DAY - 3, -3));
        assert_eq!(check(Some(0), Some(56 * DAY)), range(0, 56 * DAY));
        assert_eq!(check(Some(0), Some(56 * DAY + 1)), Err("range_too_wide".into()));
        for (from, until) in [(Some(1), Some(1)), (Some(2), Some(1)), (Some(-1_800_000_001), Some(1 - 1_800_000_000))] {
            assert_eq!(check(from, until), Err("out_of_range".into()));
        }
        let first = RangeQuery { from: None, until: Some(DateTime::<Utc>::MIN_UTC) };
        assert_eq!(first.check(at(0)).unwrap_err().errors[0].code, "out_of_range");
    }
}
