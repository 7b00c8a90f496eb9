//! How long until the next try? Exponential, capped, and with full jitter where many would come at once.

use common::ambient::Ambient;
use std::time::Duration;

/// `base`, multiplied by `factor` for each attempt after the first, at most `cap`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub base: Duration,
    pub factor: u32,
    pub cap: Duration,
}

impl Backoff {
    /// The longest wait after the `attempt`-th failure, which counts from 1.
    pub(crate) fn ceiling(self, attempt: u32) -> Duration {
        let factor = self.factor.saturating_pow(attempt.saturating_sub(1));
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// A wait between nothing and the ceiling, all equally likely ("full jitter",
    /// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
    pub(crate) fn jittered(self, attempt: u32, ambient: &Ambient) -> Duration {
        spread(self.ceiling(attempt), u32::from_le_bytes(ambient.bytes()))
    }
}

fn spread(ceiling: Duration, random: u32) -> Duration {
    ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// Whole seconds, rounded up, as SQS counts visibility.
pub(crate) fn whole_seconds(wait: Duration) -> i32 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    seconds.try_into().unwrap_or(i32::MAX)
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

    #[test]
    fn visibility_is_rounded_up() {
        assert_eq!([0, 1, 999, 1000, 1001].map(|ms| whole_seconds(Duration::from_millis(ms))), [0, 1, 1, 1, 2]);
    }
}
