//! The rate of one process: when may it begin the next jobs, and how many at once?

use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Jobs of so much time are begun at once, so that a high rate needs few claims.
const AT_ONCE: Duration = Duration::from_millis(20);

/// So many jobs a second. A pause is not made up for by a burst.
pub(crate) struct Pace {
    per_second: u32,
    next: Instant,
}

impl Pace {
    pub fn new(per_second: u32) -> Self {
        Self { per_second, next: Instant::now() }
    }

    /// Jobs that may be begun at once.
    pub fn most(&self) -> u32 {
        (self.per_second / u32::try_from(Duration::from_secs(1).as_millis() / AT_ONCE.as_millis()).unwrap_or(1)).max(1)
    }

    /// Waits until more may be begun than the `begun` ones.
    pub async fn after(&mut self, begun: usize) {
        let took = Duration::from_secs(1).mul_f64(begun as f64 / f64::from(self.per_second));
        self.next = self.next.max(Instant::now() - AT_ONCE) + took;
        sleep_until(self.next).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_rate_is_kept_and_a_pause_not_made_up_for() {
        for (per_second, at_once) in [(50, 1), (2_000, 40)] {
            let mut pace = Pace::new(per_second);
            assert_eq!(pace.most(), at_once);
            tokio::time::sleep(Duration::from_millis(200)).await;
            let started = Instant::now();
            for _ in 0..5 {
                pace.after(at_once as usize).await;
            }
            assert!(started.elapsed() >= Duration::from_millis(75), "{per_second}: {:?}", started.elapsed());
        }
    }
}
