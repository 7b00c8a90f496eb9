//! What raw rows come to, however a rate counts them. Pure: the order in which rows are added changes nothing.

use crate::{
    plans::Aggregation,
    pricing::{TooLarge, add},
};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

/// Rows of one instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    pub rows: i64,
    /// Of their quantities.
    pub sum: Decimal,
    /// The largest quantity.
    pub max: Decimal,
    pub last: Option<Last>,
}

/// The event that was used last; of those at the same moment the largest, whichever came first.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Last {
    pub at: DateTime<Utc>,
    pub quantity: Decimal,
}

impl Counted {
    /// One row that adds its quantity, and is no event.
    pub fn of(quantity: Decimal) -> Self {
        Self { rows: 1, sum: quantity, max: quantity.max(Decimal::ZERO), last: None }
    }

    pub fn of_event(at: DateTime<Utc>, quantity: Decimal) -> Self {
        Self { last: Some(Last { at, quantity }), ..Self::of(quantity) }
    }

    pub fn add(&mut self, other: &Self) -> Result<(), TooLarge> {
        self.rows = self.rows.checked_add(other.rows).ok_or(TooLarge)?;
        self.sum = add(self.sum, other.sum)?;
        self.max = self.max.max(other.max);
        if other.last > self.last {
            self.last = other.last;
        }
        Ok(())
    }

    /// The quantity that a rate prices.
    pub fn by(&self, aggregation: Aggregation) -> Decimal {
        match aggregation {
            Aggregation::Sum => self.sum,
            Aggregation::Count => Decimal::from(self.rows),
            Aggregation::Max => self.max,
            Aggregation::Last => self.last.map_or(Decimal::ZERO, |last| last.quantity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(second: i64, quantity: i64) -> Counted {
        let at = DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
        Counted::of_event(at, quantity.into())
    }

    fn all(events: &[Counted]) -> Counted {
        events.iter().fold(Counted::default(), |mut all, event| {
            all.add(event).unwrap();
            all
        })
    }

    #[test]
    fn each_aggregation_counts_what_it_says() {
        let counted = all(&[event(10, 5), event(30, 2), event(20, 9), event(30, 3)]);
        let by = [Aggregation::Sum, Aggregation::Count, Aggregation::Max, Aggregation::Last].map(|by| counted.by(by));
        assert_eq!(by, [19, 4, 9, 3].map(Decimal::from));
        assert_eq!(Counted::default().by(Aggregation::Last), Decimal::ZERO);
    }

    #[test]
    fn neither_order_nor_grouping_changes_anything() {
        let events = [event(10, 5), event(30, 2), event(20, 9), event(30, 3), event(1, 0)];
        let whole = all(&events);
        for turn in 0..events.len() {
            let mut turned = events.clone();
            turned.rotate_left(turn);
            assert_eq!(all(&turned), whole);
            let (one, other) = turned.split_at(turn);
            assert_eq!(all(&[all(other), all(one)]), whole);
        }
    }
}
