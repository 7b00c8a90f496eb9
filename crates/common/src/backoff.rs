//! Exponential back-off: how long until the next try? Capped, and with full jitter where many would come at once.

use crate::ambient::Ambient;
use std::time::Duration;

/// `base`, multiplied by `factor` for each attempt after the first, at most `cap`.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    pub base: Duration,
    pub factor: u32,
    pub cap: Duration,
}

impl Backoff {
    /// The longest wait after the `attempt`-th failure, which counts from 1.
    pub fn ceiling(self, attempt: u32) -> Duration {
        let factor = self.factor.saturating_pow(attempt.saturating_sub(1));
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// A wait between nothing and the ceiling, all equally likely ("full jitter",
    /// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
    pub fn jittered(self, attempt: u32, ambient: &Ambient) -> Duration {
        spread(self.ceiling(attempt), u32::from_le_bytes(ambient.bytes()))
    }
}

fn spread(ceiling: Duration, random: u32) -> Duration {
    ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { base: Duration::from_secs(2), factor: 4, cap: Duration::from_secs(100) };

    #[test]
    fn the_ceiling_grows_to_its_cap() {
        let seconds: Vec<_> =
            [0, 1, 2, 3, 4, 5, u32::MAX].into_iter().map(|attempt| BACKOFF.ceiling(attempt).as_secs()).collect();
        assert_eq!(seconds, [2, 2, 8, 32, 100, 100, 100]);
    }

    #[test]
    fn jitter_reaches_from_nothing_to_the_ceiling() {
        let ceiling = Duration::from_secs(8);
        assert_eq!(spread(ceiling, 0), Duration::ZERO);
        assert_eq!(spread(ceiling, u32::MAX), ceiling);
        assert!(spread(ceiling, u32::MAX / 2) < Duration::from_millis(4_001));
    }
}
