//! How many jobs of a tenant may be begun now? A rate is a token bucket of a kind and tenant, kept by GCRA (ITU-T
//! I.371): one instant says it all. A budget is a number of jobs a day.

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};

/// What gathers in a bucket while nobody takes: so much of a second's jobs, and always one job.
const GATHERS: TimeDelta = TimeDelta::seconds(1);

/// So many jobs in so many seconds, evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub jobs: u32,
    pub seconds: u32,
}

impl Rate {
    /// Between two jobs.
    fn interval(self) -> TimeDelta {
        let whole = i64::from(self.seconds) * 1_000_000_000;
        TimeDelta::nanoseconds((whole / i64::from(self.jobs.max(1))).max(1_000))
    }

    /// Most jobs at one instant.
    fn burst(self) -> i64 {
        (nanos(GATHERS) / nanos(self.interval())).max(1)
    }

    /// The theoretical arrival time of the next job, whatever the rate was when it was written down.
    fn arrival(self, at: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        at.clamp(now, now + self.interval() * i32::try_from(self.burst()).unwrap_or(i32::MAX))
    }

    /// Jobs that may be begun now, where the bucket stands at `at`.
    pub fn allows(self, at: DateTime<Utc>, now: DateTime<Utc>) -> u32 {
        let ahead = nanos(self.arrival(at, now) - now);
        let left = self.burst() - (ahead + nanos(self.interval()) - 1) / nanos(self.interval());
        u32::try_from(left).unwrap_or(0)
    }

    /// Where the bucket stands after `taken` jobs.
    pub fn after(self, at: DateTime<Utc>, now: DateTime<Utc>, taken: u32) -> DateTime<Utc> {
        self.arrival(at, now) + self.interval() * i32::try_from(taken).unwrap_or(i32::MAX)
    }

    /// When the next job may be begun.
    pub fn next(self, at: DateTime<Utc>) -> DateTime<Utc> {
        at - self.interval() * i32::try_from(self.burst() - 1).unwrap_or(i32::MAX)
    }
}

fn nanos(delta: TimeDelta) -> i64 {
    delta.num_nanoseconds().unwrap_or(i64::MAX)
}

/// When a new budget begins: at the next midnight (UTC).
pub(crate) fn next_day(now: DateTime<Utc>) -> DateTime<Utc> {
    (now.date_naive() + Days::new(1)).and_time(NaiveTime::MIN).and_utc()
}

/// Splits `slots` among so many lanes, those that waited longest first; each gets what the others leave.
pub(crate) fn share(slots: u32, lanes_left: usize) -> u32 {
    slots.div_ceil(u32::try_from(lanes_left.max(1)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(1_800_000_000_000_000 + (seconds * 1e6) as i64).unwrap()
    }

    /// Jobs begun in `time` by somebody who asks every `pause`, as soon as they may be.
    fn begun(rate: Rate, time: f64, pause: f64) -> u32 {
        let (mut bucket, mut now, mut begun) = (at(0.0), 0.0, 0);
        while now < time {
            let taken = rate.allows(bucket, at(now));
            bucket = rate.after(bucket, at(now), taken);
            begun += taken;
            now += pause;
        }
        begun
    }

    #[test]
    fn ten_a_minute_are_one_every_six_seconds() {
        let rate = Rate { jobs: 10, seconds: 60 };
        assert_eq!(rate.allows(at(-1e6), at(0.0)), 1, "an hour of silence is not made up for");
        let bucket = rate.after(at(-1e6), at(0.0), 1);
        assert_eq!((rate.allows(bucket, at(5.9)), rate.next(bucket), rate.allows(bucket, at(6.0))), (0, at(6.0), 1));
        assert_eq!(begun(rate, 600.0, 0.25), 100);
    }

    #[test]
    fn a_high_rate_is_kept_by_who_asks_seldom() {
        for (jobs, pause) in [(100, 0.01), (100, 0.3), (3_000, 0.05), (7, 1.0)] {
            let begun = begun(Rate { jobs, seconds: 1 }, 20.0, pause);
            assert!((jobs * 19..=jobs * 21).contains(&begun), "{jobs} a second, asked every {pause} s: {begun}");
        }
    }

    #[test]
    fn what_another_rate_has_left_behind_holds_nobody_up() {
        let slow = Rate { jobs: 1, seconds: 86_400 };
        let bucket = slow.after(at(0.0), at(0.0), 1);
        assert_eq!(slow.allows(bucket, at(3_600.0)), 0);
        let fast = Rate { jobs: 10, seconds: 1 };
        assert!(fast.next(fast.after(bucket, at(0.0), 0)) <= at(0.1));
        assert_eq!(fast.allows(fast.after(bucket, at(0.0), 0), at(0.1)), 1);
    }

    #[test]
    fn a_day_ends_at_midnight() {
        let noon = DateTime::parse_from_rfc3339("2026-12-31T12:00:00Z").unwrap().to_utc();
        assert_eq!(next_day(noon).to_rfc3339(), "2027-01-01T00:00:00+00:00");
    }

    #[test]
    fn slots_are_shared_and_none_is_wasted() {
        let mut left = 10;
        let shares: Vec<_> = (1..=4)
            .rev()
            .map(|lanes| {
                let share = share(left, lanes);
                left -= share;
                share
            })
            .collect();
        assert_eq!(shares, [3, 3, 2, 2]);
    }
}
