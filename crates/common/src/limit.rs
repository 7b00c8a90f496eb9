//! Limits per source: how often may one source do something? Sliding-window counters in Redis, shared by the processes
//! of a service.
//!
//! Every count is one source's, so nobody can use up what somebody else needs. Two counters of a source are kept, this
//! window's and the one before, which counts less and less as this one goes on. While Redis is away each process counts
//! for itself.

use crate::{
    ambient::Ambient,
    config::Base,
    problem::{Chain, Problem, Quota},
    source::Source,
};
use axum::http::StatusCode;
use moka::{policy::EvictionPolicy, sync::Cache};
use redis::{RedisResult, aio::ConnectionManager};
use std::time::Duration;

/// Counters that a process keeps while Redis is away, some 150 bytes each. Beyond that the oldest are forgotten.
const MOST_OWN_COUNTERS: u64 = 20_000;

/// What adds up to no second and to no attempt.
const ROUNDING: f64 = 1e-6;

/// How often one source may do something.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Names the counters and the metric.
    pub name: &'static str,
    /// In any time as long as the window; multiplied by `SOURCE_LIMIT_FACTOR`.
    pub most: u32,
    /// Whole seconds.
    pub window: Duration,
}

/// An attempt that was counted.
#[derive(Debug)]
pub struct Counted {
    key: String,
    in_redis: bool,
}

/// Counts what sources do; cheap to clone.
#[derive(Clone)]
pub struct Limiter {
    redis: ConnectionManager,
    /// Of the keys of this service.
    prefix: String,
    factor: u32,
    ambient: Ambient,
    own: Cache<String, u32>,
}

impl Limiter {
    /// Of a service whose user in Redis may write `lim:<service>:*`.
    pub fn new(base: &Base, redis: ConnectionManager, ambient: Ambient) -> Self {
        let own = Cache::builder().max_capacity(MOST_OWN_COUNTERS).eviction_policy(EvictionPolicy::lru()).build();
        Self {
            redis,
            prefix: format!("{}lim:{}:", base.redis_prefix, base.service),
            factor: base.source_limit_factor,
            ambient,
            own,
        }
    }

    /// Counts one attempt of `source`; 429 if it has made too many, which then does not count.
    pub async fn admit(&self, limit: &Limit, source: Source) -> Result<Counted, Problem> {
        self.count(limit, &source.to_string()).await
    }

    /// As [`Limiter::admit`], for each `subject` by itself, which is short and of no form that a caller could choose,
    /// such as a hash.
    pub async fn admit_for(&self, limit: &Limit, source: Source, subject: &str) -> Result<Counted, Problem> {
        self.count(limit, &format!("{source}:{subject}")).await
    }

    /// What came of attempts that were counted. A fault of the surroundings (503) uses up nobody's.
    pub async fn settle<T, const N: usize>(
        &self,
        counted: [Counted; N],
        done: Result<T, Problem>,
    ) -> Result<T, Problem> {
        if done.as_ref().is_err_and(|problem| problem.status == StatusCode::SERVICE_UNAVAILABLE) {
            for counted in counted {
                self.forget(counted).await;
            }
        }
        done
    }

    /// Takes an attempt back, which then does not count. Long before its window is over: there is no counter later.
    pub async fn forget(&self, Counted { key, in_redis }: Counted) {
        if in_redis {
            let _: RedisResult<i64> = redis::cmd("DECR").arg(key).query_async(&mut self.redis.clone()).await;
            return;
        }
        self.own.entry_by_ref(&key).and_compute_with(|entry| match entry.map(moka::Entry::into_value) {
            Some(count) => moka::ops::compute::Op::Put(count.saturating_sub(1)),
            None => moka::ops::compute::Op::Nop,
        });
    }

    async fn count(&self, limit: &Limit, who: &str) -> Result<Counted, Problem> {
        let window = Window::at(self.ambient.now().timestamp(), limit.window);
        // The braces keep both counters in one hash slot.
        let key = |number: u64| format!("{}{{{}:{who}}}:{number}", self.prefix, limit.name);
        let keys = [key(window.number), key(window.number.saturating_sub(1))];
        let (counts, in_redis) = match self.shared(&keys, limit.window).await {
            Ok(counts) => (counts, true),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "Redis does not count; this process counts for itself how \
                    often a source may do something");
                (self.alone(&keys), false)
            }
        };
        let [key, _] = keys;
        let (counted, most) = (Counted { key, in_redis }, limit.most.saturating_mul(self.factor));
        let Some(seconds) = window.wait(most, counts) else { return Ok(counted) };
        // Who is refused must not be refused the longer for asking.
        self.forget(counted).await;
        metrics::counter!("source_limit_refusals_total", "limit" => limit.name).increment(1);
        let window = u32::try_from(limit.window.as_secs()).unwrap_or(u32::MAX);
        Err(Problem::too_many_requests(
            "too_many_requests",
            "Too many attempts from your network.",
            Quota { limit: most, window, remaining: 0, reset: seconds },
        ))
    }

    /// The present count, this attempt included, and that of the window before.
    async fn shared(&self, [now, before]: &[String; 2], window: Duration) -> RedisResult<(u32, u32)> {
        let lifetime = i64::try_from(2 * window.as_secs()).unwrap_or(i64::MAX);
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("INCR").arg(now).expire(now, lifetime).ignore().mget(&[before]);
        let (now, (before,)): (u32, (Option<u32>,)) = pipe.query_async(&mut self.redis.clone()).await?;
        Ok((now, before.unwrap_or_default()))
    }

    fn alone(&self, [now, before]: &[String; 2]) -> (u32, u32) {
        let counted = self
            .own
            .entry_by_ref(now)
            .and_upsert_with(|entry| entry.map_or(0, moka::Entry::into_value).saturating_add(1));
        (counted.into_value(), self.own.get(before).unwrap_or_default())
    }
}

/// Where in its window a moment lies.
#[derive(Debug)]
struct Window {
    number: u64,
    /// Seconds since it began, and in all.
    gone: f64,
    length: f64,
}

impl Window {
    fn at(now: i64, length: Duration) -> Self {
        let (now, length) = (now.unsigned_abs(), length.as_secs().max(1));
        let seconds = |seconds: u64| Duration::from_secs(seconds).as_secs_f64();
        Self { number: now / length, gone: seconds(now % length), length: seconds(length) }
    }

    /// Seconds until one more is allowed; `None` if this one is. `now` includes it.
    fn wait(&self, most: u32, (now, before): (u32, u32)) -> Option<u32> {
        let weighed = f64::from(now) + f64::from(before) * (1.0 - self.gone / self.length);
        if weighed <= f64::from(most) + ROUNDING {
            return None;
        }
        // Seconds into a window whose predecessor had `count`, until that leaves room for one more than `besides`.
        let room = |count: u32, besides: u32| {
            self.length * (1.0 - f64::from(most.saturating_sub(besides + 1)) / f64::from(count.max(1))).clamp(0.0, 1.0)
        };
        let earlier = now.saturating_sub(1);
        let seconds =
            if earlier < most { room(before, earlier) - self.gone } else { self.length - self.gone + room(earlier, 0) };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and two windows")]
        Some((seconds - ROUNDING).ceil().max(1.0) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_window_before_counts_less_and_less() {
        let at = |seconds: i64| Window::at(600 + seconds, MINUTE);
        assert_eq!((at(0).number, at(59).number, at(60).number), (10, 10, 11));
        assert_eq!(at(30).wait(10, (10, 0)), None);
        // Ten a minute ago count as five half a minute later.
        assert_eq!(at(30).wait(10, (5, 10)), None);
        assert_eq!(at(30).wait(10, (6, 10)), Some(6), "at second 36 they count as four");
        assert_eq!(at(36).wait(10, (6, 10)), None);
        assert_eq!(at(30).wait(10, (11, 0)), Some(30 + 6), "at second 6 of the next window these ten count as nine");
        assert_eq!(at(66).wait(10, (1, 10)), None);
        assert_eq!(at(0).wait(1, (2, 0)), Some(120));
    }
}
