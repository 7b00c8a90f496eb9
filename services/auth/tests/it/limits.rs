//! Limits per source, in every process, and while Redis is away.

use crate::support::World;
use chrono::TimeDelta;
use common::{
    ambient::Ambient,
    config::{Base, Env},
    db,
    limit::{Limit, Limiter},
    source::Source,
};
use std::time::Duration;
use test_support::{RedisServer, eventually};

const LIMIT: Limit = Limit { name: "knock", most: 3, window: Duration::from_secs(60) };

fn source(text: &str) -> Source {
    text.parse::<std::net::IpAddr>().unwrap().into()
}

/// One process, as it counts in the Redis of that URL.
async fn limiter(world: &World, redis_url: String, clock: &Ambient, factor: &str) -> Limiter {
    let mut variables = world.platform.env();
    variables.extend([("REDIS_URL".to_owned(), redis_url), ("SOURCE_LIMIT_FACTOR".to_owned(), factor.to_owned())]);
    let base = Base::read(&mut Env::new(variables), "auth", 1).unwrap();
    let redis = db::connect_redis(&base).unwrap();
    eventually("Redis answers", async || redis::cmd("PING").query_async::<()>(&mut redis.clone()).await.ok()).await;
    Limiter::new(&base, redis, clock.clone())
}

/// How many of `attempts` are admitted.
async fn knock(limiter: &Limiter, source: Source, attempts: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..attempts {
        admitted += usize::from(limiter.admit(&LIMIT, source).await.is_ok());
    }
    admitted
}

#[tokio::test]
async fn processes_count_together_and_each_source_by_itself() {
    let world = World::start().await;
    // At the beginning of a window.
    let start = Ambient::system().now().timestamp() / 60 * 60;
    let clock = Ambient::test(chrono::DateTime::from_timestamp(start, 0).unwrap());
    let url = || test_support::redis_url_of("auth");
    let (one, other) = (limiter(&world, url(), &clock, "1").await, limiter(&world, url(), &clock, "1").await);
    let (a, b) = (source("203.0.113.7"), source("2001:db8:1:2::1"));
    assert_eq!((knock(&one, a, 2).await, knock(&other, a, 2).await, knock(&one, b, 9).await), (2, 1, 3));
    assert!(limiter(&world, url(), &clock, "2").await.admit(&LIMIT, a).await.is_ok(), "a factor makes room");
    assert!(one.admit_for(&LIMIT, a, "else").await.is_ok(), "each subject counts by itself");
    let refused = one.admit(&LIMIT, b).await.unwrap_err();
    assert_eq!((refused.status.as_u16(), refused.code.as_str()), (429, "too_many_requests"));
    // Three in the last window count as two when a third of this one is gone.
    assert_eq!(refused.retry_after, Some(60 + 20));
    clock.advance(TimeDelta::seconds(79));
    assert_eq!(knock(&one, b, 1).await, 0);
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(knock(&one, b, 2).await, 1, "being refused does not count");
}

#[tokio::test]
async fn without_redis_a_process_counts_for_itself() {
    let world = World::start().await;
    let redis = RedisServer::start(&[]).await;
    let limiter = limiter(&world, redis.url(), &world.clock, "1").await;
    assert_eq!(knock(&limiter, source("203.0.113.7"), 5).await, 3);
    drop(redis);
    assert_eq!(
        (knock(&limiter, source("203.0.113.7"), 5).await, knock(&limiter, source("203.0.113.8"), 5).await),
        (3, 3)
    );
}
