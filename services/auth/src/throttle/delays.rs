//! Growing delays between wrong attempts: the times of the last ones, in lists of Redis that the processes share.
//!
//! An attempt is written down before it is made, so that many at once are not all the first. Whether it may go follows
//! from the times before it alone, those of refused attempts included, so that no two processes decide otherwise.
//! While Redis is away each process writes for itself.

use chrono::TimeDelta;
use common::{
    ambient::Ambient,
    backoff::Backoff,
    config::Base,
    problem::{Chain, Problem, Quota},
};
use moka::{ops::compute::Op, policy::EvictionPolicy, sync::Cache};
use redis::{Pipeline, RedisResult, aio::ConnectionManager};
use std::time::Duration;

/// An attempt is forgotten after it. With the longest delay that makes some hundred to remember.
const REMEMBERED: TimeDelta = TimeDelta::days(1);
/// Lists that a process keeps while Redis is away, some 200 bytes each. Beyond that the oldest are forgotten.
const MOST_OWN_LISTS: u64 = 20_000;

/// How many wrong attempts cost nothing, and how long the next one waits after each further one.
#[derive(Clone, Copy, Debug)]
pub struct Delay {
    /// Names the lists and the metric.
    pub name: &'static str,
    /// Multiplied by `SOURCE_LIMIT_FACTOR`.
    pub free: u32,
    pub pause: Backoff,
}

/// An attempt that was written down.
#[derive(Debug)]
pub struct Noted {
    key: String,
    /// What stands for it in the list.
    pub entry: String,
    /// Those before it.
    pub earlier: Vec<String>,
}

#[derive(Clone)]
pub struct Delays {
    redis: ConnectionManager,
    prefix: String,
    factor: u32,
    ambient: Ambient,
    own: Cache<String, Vec<String>>,
}

impl Delays {
    /// Of a service whose user in Redis may write `lim:<service>:*`.
    pub fn new(base: &Base, redis: ConnectionManager, ambient: Ambient) -> Self {
        let own = Cache::builder().max_capacity(MOST_OWN_LISTS).eviction_policy(EvictionPolicy::lru());
        Self {
            redis,
            prefix: format!("{}lim:{}:", base.redis_prefix, base.service),
            factor: base.source_limit_factor,
            ambient,
            own: own.time_to_live(REMEMBERED.to_std().unwrap_or_default()).build(),
        }
    }

    /// What stands for an attempt of now, in every list that it is written to.
    pub fn entry(&self) -> String {
        format!("{}:{:08x}", self.ambient.now().timestamp_micros(), u32::from_le_bytes(self.ambient.bytes()))
    }

    /// Writes an attempt of `who` down as `entry`; 429 if it came too early, which then is none.
    pub async fn begin(&self, delay: &Delay, who: &str, entry: &str) -> Result<Noted, Problem> {
        let key = format!("{}{{{}:{who}}}", self.prefix, delay.name);
        let all = match self.shared(&key, entry).await {
            Ok(all) => all,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "Redis does not remember wrong attempts; this process does so \
                    for itself");
                self.alone(&key, entry)
            }
        };
        let forgotten = self.ambient.now() - REMEMBERED;
        let (old, all): (Vec<_>, Vec<_>) = all.into_iter().partition(|entry| at(entry) <= forgotten.timestamp_micros());
        let free = delay.free.saturating_mul(self.factor);
        let wait = wait(free, delay.pause, &all.iter().map(|entry| at(entry)).collect::<Vec<_>>());
        let earlier = all.into_iter().take_while(|other| other != entry).collect();
        let noted = Noted { key, entry: entry.to_owned(), earlier };
        let Some(wait) = wait else {
            self.remove(&noted, &old).await;
            return Ok(noted);
        };
        self.forget(&noted).await;
        metrics::counter!("wrong_attempt_refusals_total", "delay" => delay.name).increment(1);
        Err(too_many(free, wait))
    }

    /// Takes the attempt back.
    pub async fn forget(&self, noted: &Noted) {
        self.remove(noted, std::slice::from_ref(&noted.entry)).await;
    }

    /// Takes the attempt back, and those among `others`.
    pub async fn forget_all(&self, noted: &Noted, others: &[String]) {
        self.remove(noted, &[std::slice::from_ref(&noted.entry), others].concat()).await;
    }

    async fn shared(&self, key: &str, entry: &str) -> RedisResult<Vec<String>> {
        let mut pipe = redis::pipe();
        pipe.atomic().rpush(key, entry).ignore().expire(key, REMEMBERED.num_seconds()).ignore().lrange(key, 0, -1);
        let (all,) = pipe.query_async(&mut self.redis.clone()).await?;
        Ok(all)
    }

    fn alone(&self, key: &str, entry: &str) -> Vec<String> {
        let added = self.own.entry_by_ref(key).and_upsert_with(|list| {
            let mut list = list.map(moka::Entry::into_value).unwrap_or_default();
            list.push(entry.to_owned());
            list
        });
        added.into_value()
    }

    /// Removes entries; those that a fault leaves are forgotten by themselves.
    async fn remove(&self, Noted { key, .. }: &Noted, entries: &[String]) {
        if entries.is_empty() {
            return;
        }
        let mut pipe = Pipeline::new();
        for entry in entries {
            pipe.lrem(key, 1, entry).ignore();
        }
        let _: RedisResult<()> = pipe.query_async(&mut self.redis.clone()).await;
        self.own.entry_by_ref(key).and_compute_with(|list| match list.map(moka::Entry::into_value) {
            Some(list) => Op::Put(list.into_iter().filter(|entry| !entries.contains(entry)).collect()),
            None => Op::Nop,
        });
    }
}

/// When the attempt was made, in microseconds.
fn at(entry: &str) -> i64 {
    entry.split_once(':').and_then(|(at, _)| at.parse().ok()).unwrap_or_default()
}

/// How much too early the last of `attempts` came; `None` if it may go. Times in microseconds, as they were written
/// down.
fn wait(free: u32, pause: Backoff, attempts: &[i64]) -> Option<Duration> {
    let (last, before) = attempts.split_last()?;
    let (mut admitted, mut next) = (0, i64::MIN);
    for at in before {
        if *at >= next {
            admitted += 1;
            next = next_after(free, pause, admitted, *at);
        }
    }
    (*last < next).then(|| Duration::from_micros(next.abs_diff(*last)))
}

/// When the next attempt may be made after the `admitted`-th, which was made at `at`.
fn next_after(free: u32, pause: Backoff, admitted: u32, at: i64) -> i64 {
    let Some(beyond) = (admitted + 1).checked_sub(free).filter(|beyond| *beyond > 0) else { return i64::MIN };
    at.saturating_add(i64::try_from(pause.ceiling(beyond).as_micros()).unwrap_or(i64::MAX))
}

fn too_many(free: u32, wait: Duration) -> Problem {
    let seconds = |seconds: u64| u32::try_from(seconds).unwrap_or(u32::MAX);
    Problem::too_many_requests(
        "too_many_requests",
        "Too many wrong attempts. Wait, or use a device on which you have logged in before.",
        Quota {
            limit: free,
            window: seconds(REMEMBERED.num_seconds().unsigned_abs()),
            remaining: 0,
            reset: seconds(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Backoff = Backoff { base: Duration::from_secs(2), factor: 2, cap: Duration::from_secs(60) };

    fn seconds(free: u32, attempts: &[i64]) -> Option<u64> {
        let micros: Vec<_> = attempts.iter().map(|second| second * 1_000_000).collect();
        wait(free, PAUSE, &micros).map(|wait| wait.as_secs())
    }

    #[test]
    fn after_those_that_are_free_each_doubles_the_pause() {
        assert_eq!(seconds(3, &[0]), None);
        assert_eq!(seconds(3, &[0, 0, 0]), None);
        assert_eq!(seconds(3, &[0, 0, 0, 0]), Some(2));
        assert_eq!(seconds(3, &[0, 0, 0, 1]), Some(1));
        assert_eq!(seconds(3, &[0, 0, 0, 2]), None);
        assert_eq!(seconds(3, &[0, 0, 0, 2, 5]), Some(1));
        assert_eq!(seconds(3, &[0, 0, 0, 2, 6]), None);
        assert_eq!(seconds(3, &[0, 0, 0, 2, 6, 6]), Some(8));
        let many: Vec<_> = (0..20).map(|attempt| attempt * 60).chain([1200 - 60]).collect();
        assert_eq!(seconds(3, &many), Some(60), "it grows to its cap");
    }

    /// Those that are refused at the same moment stand in the list until they are taken back.
    #[test]
    fn refused_attempts_delay_nobody() {
        assert_eq!(seconds(3, &[0, 0, 0, 0, 1, 1, 2]), None);
        assert_eq!(seconds(3, &[0, 0, 0, 0, 1, 2, 2]), Some(4), "one of two at once");
    }
}
