//! The schedule over the outbox: first rows that were never tried, then, when their wait is over, those that are still
//! there.
//!
//! ```text
//! 0 ── tried, still there: they wait together, longer each time ── tried ── new: at once ──▶
//! ```
//!
//! In memory, because the product's role may not write in the outbox; and of one size, however many rows are in
//! trouble.

use std::time::Duration;
use tokio::time::Instant;

/// The first wait of rows that were not taken; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Also the longest that a sound row is held up whose transaction ended after that of a later row in trouble.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The state of one outbox, as this process knows it.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// The last row in trouble; 0 if there is none. What is behind it is new.
    tried: i64,
    /// Rows in trouble, as far as is known.
    put_off: u64,
    /// Times that they were tried.
    failures: u32,
    /// When they are due again.
    due: Option<Instant>,
    round: Option<Round>,
}

/// Ids of rows: behind `after`, up to and with `upto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IdRange {
    pub after: i64,
    pub upto: i64,
}

/// The rows in trouble are being tried again.
#[derive(Debug)]
struct Round {
    rest: IdRange,
    left: u64,
    /// Rows in trouble when it began.
    before: u64,
}

/// A batch that was tried.
#[derive(Debug)]
pub(super) struct Batch {
    pub last: Option<i64>,
    /// Rows that are still there.
    pub left: u64,
    /// There may be more behind it.
    pub full: bool,
}

impl Schedule {
    /// Rows that were never tried.
    pub fn fresh(&self) -> IdRange {
        IdRange { after: self.tried, upto: i64::MAX }
    }

    pub fn tried_fresh(&mut self, batch: &Batch, now: Instant) {
        let Some(last) = batch.last.filter(|_| batch.left > 0) else { return };
        self.tried = last;
        self.put_off += batch.left;
        if self.due.is_none() {
            self.failures = 1;
            self.due = Some(now + FIRST_WAIT);
        }
    }

    /// Rows that are due again.
    pub fn again(&mut self, now: Instant) -> Option<IdRange> {
        self.due.filter(|due| *due <= now)?;
        let (upto, before) = (self.tried, self.put_off);
        let round = self.round.get_or_insert(Round { rest: IdRange { after: 0, upto }, left: 0, before });
        Some(round.rest)
    }

    pub fn tried_again(&mut self, batch: &Batch, now: Instant) {
        let Some(mut round) = self.round.take() else { return };
        round.left += batch.left;
        if let Some(last) = batch.last.filter(|_| batch.full) {
            round.rest.after = last;
            self.round = Some(round);
            return;
        }
        // What new rows got into trouble since the round began was not in it.
        self.put_off = round.left + (self.put_off - round.before);
        if self.put_off == 0 {
            *self = Self::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.failures - 1)).min(LONGEST_WAIT);
        self.due = Some(now + wait);
    }

    /// When rows in trouble are due.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    pub fn put_off(&self) -> u64 {
        self.put_off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn range(after: i64, upto: i64) -> IdRange {
        IdRange { after, upto }
    }

    fn batch(last: i64, left: u64, full: bool) -> Batch {
        Batch { last: Some(last), left, full }
    }

    #[test]
    fn rows_in_trouble_wait_ever_longer_while_new_ones_do_not() {
        let (mut schedule, mut now) = (Schedule::default(), Instant::now());
        schedule.tried_fresh(&batch(9, 0, false), now);
        assert_eq!(
            (schedule.fresh(), schedule.due()),
            (range(0, i64::MAX), None),
            "a row that commits late is found while none is in trouble"
        );
        schedule.tried_fresh(&batch(100, 100, true), now);
        schedule.tried_fresh(&batch(103, 1, false), now);
        assert_eq!((schedule.fresh(), schedule.again(now), schedule.put_off()), (range(103, i64::MAX), None, 101));
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(schedule.due(), Some(now + wait * SECOND));
            now += wait * SECOND;
            assert_eq!(schedule.again(now), Some(range(0, 103)));
            schedule.tried_again(&batch(100, 100, true), now);
            assert_eq!(schedule.again(now), Some(range(100, 103)));
            schedule.tried_again(&batch(103, 1, false), now);
        }
        assert_eq!((schedule.fresh(), schedule.put_off()), (range(103, i64::MAX), 101));
    }

    #[test]
    fn trouble_ends_when_a_round_leaves_nothing() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.tried_fresh(&batch(5, 2, false), now);
        assert_eq!(schedule.again(now + SECOND), Some(range(0, 5)));
        schedule.tried_fresh(&batch(7, 1, false), now + SECOND);
        assert_eq!(
            (schedule.fresh(), schedule.again(now + SECOND)),
            (range(7, i64::MAX), Some(range(0, 5))),
            "new rows come in between"
        );
        schedule.tried_again(&batch(5, 0, false), now + SECOND);
        assert_eq!(schedule.put_off(), 1);
        assert_eq!(schedule.again(now + 3 * SECOND), Some(range(0, 7)));
        schedule.tried_again(&Batch { last: None, left: 0, full: false }, now + 3 * SECOND);
        assert_eq!((schedule.fresh(), schedule.due(), schedule.put_off()), (range(0, i64::MAX), None, 0));
    }
}
