//! Circuit breaker of one consumer: does it make sense to receive now? Not while what the handlers need is away.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// Closed while all is well. Open after an outage was met: then one message at a time finds out whether it is over.
#[derive(Default)]
pub(crate) struct Breaker {
    outages: AtomicU32,
}

impl Breaker {
    /// How often in a row an outage was met; 0 means closed.
    pub(crate) fn outages(&self) -> u32 {
        self.outages.load(SeqCst)
    }

    /// An outage was met by a handler that began after `seen` of them. Handlers that ran beside each other met the same
    /// one.
    pub(crate) fn trip(&self, seen: u32) {
        let _ = self.outages.compare_exchange(seen, seen.saturating_add(1), SeqCst, SeqCst);
    }

    /// A handler had what it needs.
    pub(crate) fn reset(&self) {
        self.outages.store(0, SeqCst);
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
}
