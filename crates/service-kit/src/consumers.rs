//! Reports of consumers: what each process says of its own, and what is heard of all.

use crate::Kit;
use chrono::{DateTime, Utc};
use common::poller::Poller;
use contracts::{
    consumers::{ConsumerReport, EVERY, KEPT, LATEST, key},
    roster,
};
use messaging::stats::{Stats, Work};
use redis::{Pipeline, RedisResult};
use std::{collections::HashMap, sync::Arc};
use tokio_util::sync::CancellationToken;

/// The consumers of a process, each with its queue.
type Watched = Vec<(&'static str, Arc<Stats>)>;

/// Tells what this process's consumers do, until `shutdown`. While Redis is away nobody hears it, and nothing else
/// happens.
pub(crate) async fn tell(kit: Kit, service: &'static str, consumers: Watched, shutdown: CancellationToken) {
    let (process, task, since) = (kit.ambient.uuid().to_string(), task(), kit.ambient.now());
    let mut poller = Poller::every(EVERY, shutdown);
    while poller.next().await {
        let mut told = Ok(());
        for (queue, stats) in &consumers {
            let (at, work) = (kit.ambient.now(), stats.last_minute());
            let Work { in_flight, received, deleted, oldest_seconds } = work;
            let (client, task) = (kit.base.client_id.clone(), task.clone());
            let report = ConsumerReport { client, task, since, at, in_flight, received, deleted, oldest_seconds };
            let key = key(&kit.base.redis_prefix, service, queue, minute(at));
            told = told.and(write(&kit, &key, &process, &report).await);
        }
        poller.report(told.map(|()| false), "What the consumers do cannot be told to operators");
    }
}

async fn write(kit: &Kit, key: &str, process: &str, report: &ConsumerReport) -> RedisResult<()> {
    let report = serde_json::to_string(report).unwrap_or_default();
    let mut told = redis::pipe();
    // Together, so that no hash is left that does not expire.
    told.atomic().hset(key, process, report).ignore().expire(key, KEPT.as_secs().cast_signed()).ignore();
    told.query_async(&mut kit.redis.clone()).await
}

/// What was heard just now of the consumers of that queue, those that started last first.
///
/// # Errors
/// Redis is away.
pub async fn heard(kit: &Kit, queue: &str) -> RedisResult<Vec<ConsumerReport>> {
    let (now, mut asked) = (kit.ambient.now(), Pipeline::new());
    for minute in minutes(now) {
        asked.hgetall(key(&kit.base.redis_prefix, owner(queue), queue, minute));
    }
    let told: Vec<HashMap<String, String>> = asked.query_async(&mut kit.redis.clone()).await?;
    Ok(latest(&told, now))
}

/// The last report of each process, if it is not too old.
fn latest(told: &[HashMap<String, String>], now: DateTime<Utc>) -> Vec<ConsumerReport> {
    let mut last: HashMap<&str, ConsumerReport> = HashMap::new();
    for (process, report) in told.iter().flatten() {
        // What a newer version tells may be unreadable here.
        let Ok(report) = serde_json::from_str::<ConsumerReport>(report) else { continue };
        let is_fresh = (now - report.at).abs().to_std().is_ok_and(|age| age < LATEST);
        if is_fresh && last.get(&**process).is_none_or(|known| known.at < report.at) {
            last.insert(process, report);
        }
    }
    let mut reports: Vec<_> = last.into_values().collect();
    reports.sort_by(|a, b| b.since.cmp(&a.since).then_with(|| a.task.cmp(&b.task)));
    reports
}

fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

/// Clocks may differ, and a minute may have just begun.
fn minutes(now: DateTime<Utc>) -> [i64; 3] {
    [-1, 0, 1].map(|apart| minute(now) + apart)
}

fn owner(queue: &str) -> &'static str {
    let owns = |service: &roster::Service| service.queues().any(|own| own.name == queue);
    roster::SERVICES.into_iter().find(owns).map_or("", |service| service.name)
}

/// The container's id on ECS, and the process in it.
fn task() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", host.trim(), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn report(at: DateTime<Utc>) -> ConsumerReport {
        let (client, task) = ("billing".to_owned(), "vm:7".to_owned());
        ConsumerReport { client, task, since: at, at, in_flight: 0, received: 1, deleted: 1, oldest_seconds: None }
    }

    #[test]
    fn the_last_report_of_a_process_counts_until_it_is_old() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let told = |seconds: &[(&str, i64)]| -> HashMap<String, String> {
            let told = seconds.iter().map(|(process, seconds)| {
                let at = now + TimeDelta::seconds(*seconds);
                ((*process).to_owned(), serde_json::to_string(&report(at)).unwrap())
            });
            told.collect()
        };
        let later = HashMap::from([("later".to_owned(), "{\"speed\": 7}".to_owned())]);
        let hashes = [told(&[("a", -61), ("b", -19), ("c", -21)]), told(&[("a", -4)]), told(&[("d", 3)]), later];
        let seen: Vec<_> = latest(&hashes, now).into_iter().map(|report| (report.at - now).num_seconds()).collect();
        assert_eq!(seen, [3, -4, -19]);
    }

    #[test]
    fn each_queue_is_somebodys() {
        for queue in contracts::topology::QUEUES {
            assert!(!owner(queue.name).is_empty(), "{}", queue.name);
        }
    }
}
