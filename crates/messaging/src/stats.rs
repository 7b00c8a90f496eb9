//! Statistics of one consumer: how fast it works, how much it holds, and how old what it receives is.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// What a consumer counts as it works.
#[derive(Default)]
pub struct Stats {
    in_flight: AtomicU64,
    received: AtomicU64,
    deleted: AtomicU64,
    /// In seconds, and one more; 0 if nothing was received.
    oldest: AtomicU64,
    samples: Mutex<VecDeque<(Instant, Work)>>,
}

/// What a consumer did in the last minute, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    pub in_flight: u64,
    pub received: u64,
    pub deleted: u64,
    /// How long the oldest message was in the queue when it was received, in seconds; `None` if none was received.
    pub oldest_seconds: Option<u64>,
}

impl Stats {
    pub(crate) fn received(&self, messages: u64) {
        self.received.fetch_add(messages, Relaxed);
    }

    pub(crate) fn seen(&self, age: Duration) {
        self.oldest.fetch_max(age.as_secs() + 1, Relaxed);
    }

    pub(crate) fn deleted(&self, messages: u64) {
        self.deleted.fetch_add(messages, Relaxed);
    }

    pub(crate) fn held(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    pub(crate) fn let_go(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// The last minute, if this is asked every few seconds: what came between two questions counts with the second.
    pub fn last_minute(&self) -> Work {
        self.minute_before(Instant::now())
    }

    fn minute_before(&self, now: Instant) -> Work {
        let taken = |count: &AtomicU64| count.swap(0, Relaxed);
        let (received, deleted) = (taken(&self.received), taken(&self.deleted));
        let latest = Work { in_flight: 0, received, deleted, oldest_seconds: taken(&self.oldest).checked_sub(1) };
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back((now, latest));
        samples.retain(|(at, _)| now.duration_since(*at) < MINUTE);
        let sum = |of: fn(&Work) -> u64| samples.iter().map(|(_, work)| of(work)).sum();
        Work {
            in_flight: self.in_flight.load(Relaxed),
            received: sum(|work| work.received),
            deleted: sum(|work| work.deleted),
            oldest_seconds: samples.iter().filter_map(|(_, work)| work.oldest_seconds).max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_summed_up_and_what_is_older_is_forgotten() {
        let (stats, started) = (Stats::default(), Instant::now());
        let after = |seconds| stats.minute_before(started + Duration::from_secs(seconds));
        assert_eq!(after(0), Work::default());
        stats.received(10);
        stats.seen(Duration::from_millis(900));
        stats.held();
        assert_eq!(after(1), Work { in_flight: 1, received: 10, deleted: 0, oldest_seconds: Some(0) });
        stats.received(1);
        stats.deleted(10);
        stats.seen(Duration::from_secs(7));
        stats.let_go();
        assert_eq!(after(31), Work { in_flight: 0, received: 11, deleted: 10, oldest_seconds: Some(7) });
        assert_eq!(after(61), Work { in_flight: 0, received: 1, deleted: 10, oldest_seconds: Some(7) });
        assert_eq!(after(91), Work::default());
    }
}
