//! Circuit breaker of one consumer: does it make sense to receive now? Not while what the handlers need is away.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// Closed while all is well. Open after an outage was met: then one message at a time finds out whether it is over.
#[derive(Default)]
pub(crate) struct Breaker {
    outages: watch::Sender<u32>,
    well: Mutex<Option<Instant>>,
}

impl Breaker {
    /// How often in a row an outage was met; 0 means closed.
    pub(crate) fn outages(&self) -> u32 {
        *self.outages.borrow()
    }

    /// Ends when an outage is met, or one more than `seen`.
    pub(crate) async fn opened(&self, seen: u32) {
        let _ = self.outages.subscribe().wait_for(|outages| *outages > seen).await;
    }

    /// An outage was met by a handler that began after `seen` of them. Handlers that ran beside each other met the same
    /// one.
    pub(crate) fn trip(&self, seen: u32) {
        self.outages.send_if_modified(|outages| {
            let first = *outages == seen;
            *outages = if first { seen.saturating_add(1) } else { *outages };
            first
        });
    }

    /// A handler had what it needs.
    pub(crate) fn reset(&self) {
        self.outages.send_if_modified(|outages| std::mem::take(outages) > 0);
        *self.well.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a handler had what it needs within the last `time`, and none has missed it since.
    pub(crate) fn was_well_within(&self, time: Duration) -> bool {
        let well = *self.well.lock().unwrap_or_else(PoisonError::into_inner);
        self.outages() == 0 && well.is_some_and(|well| well.elapsed() < time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_that_meet_one_outage_together_count_as_one() {
        let breaker = Breaker::default();
        for seen in [0, 0, 0, 1] {
            breaker.trip(seen);
        }
        assert_eq!(breaker.outages(), 2);
        breaker.reset();
        assert_eq!(breaker.outages(), 0);
    }

    #[tokio::test]
    async fn whoever_waits_for_an_outage_learns_of_it() {
        let breaker = Breaker::default();
        breaker.reset();
        assert!(breaker.was_well_within(Duration::from_secs(60)));
        tokio::join!(breaker.opened(0), async { breaker.trip(0) });
        assert!(!breaker.was_well_within(Duration::from_secs(60)));
    }
}
