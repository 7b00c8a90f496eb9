//! A stretch of time, and which part of another it is.

use crate::invoices::model::seconds;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

/// From `start` until `end`, which is no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
}

/// `seconds` of `of_seconds`. It stays a fraction, so that money is multiplied before it is divided: a third of a price
/// and two thirds of it are the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub seconds: Decimal,
    pub of_seconds: Decimal,
}

impl Period {
    /// Which share of this period lies in `part`, exact to the microsecond. What of `part` lies outside does not count,
    /// and a part that ends before it begins is none.
    ///
    /// Seconds are those that pass: a month in which clocks are set forward has an hour less.
    #[cfg_attr(not(test), expect(dead_code, reason = "recurring charges are prorated by it"))]
    pub fn share(self, part: Self) -> Share {
        let (start, end) = (part.start.max(self.start), part.end.min(self.end));
        Share { seconds: seconds(start, end).max(Decimal::ZERO), of_seconds: seconds(self.start, self.end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(1_800_000_000_000_000 + micros).unwrap()
    }

    fn between(start: i64, end: i64) -> Period {
        Period { start: at(start), end: at(end) }
    }

    fn micros(share: Share) -> (Decimal, Decimal) {
        let million = Decimal::from(1_000_000);
        (share.seconds * million, share.of_seconds * million)
    }

    #[test]
    fn only_what_lies_inside_counts() {
        for (part, expected) in [
            (between(0, 10), 10),
            (between(-5, 15), 10),
            (between(3, 4), 1),
            (between(-5, 4), 4),
            (between(4, 15), 6),
            (between(-5, 0), 0),
            (between(10, 15), 0),
            (between(20, 30), 0),
            (between(4, 4), 0),
            (between(6, 2), 0),
        ] {
            assert_eq!(micros(between(0, 10).share(part)), (expected.into(), 10.into()), "{part:?}");
        }
    }

    #[test]
    fn parts_without_gaps_are_the_whole() {
        let month = between(0, 31 * 86_400_000_000);
        let cuts = [0, 1, 999_999, 1_000_000, 86_400_000_000 - 1, 7 * 86_400_000_000 / 3, 31 * 86_400_000_000];
        let parts = cuts.windows(2).map(|ends| month.share(between(ends[0], ends[1])).seconds);
        assert_eq!(parts.sum::<Decimal>(), month.share(month).of_seconds);
    }

    #[test]
    fn money_is_multiplied_before_it_is_divided() {
        let third = between(0, 3).share(between(0, 1));
        assert_eq!(Decimal::from(3_000) * third.seconds / third.of_seconds, Decimal::from(1_000));
    }
}
