//! What a test of a service needs: a database, topics, queues and a Redis prefix of its own, tokens, and a client that
//! asserts.
//!
//! `cargo xtask test` starts PostgreSQL, Redis and the AWS emulator and says where they are; everything a test makes in
//! them is removed when it ends.

mod background;
mod browser;
mod bucket;
mod client;
mod contract;
mod database;
mod document;
mod issuer;
mod link;
mod neighbours;
mod platform;
mod product;
mod redis_server;
mod walls;

pub use browser::Browser;
pub use bucket::TestBucket;
pub use client::{TestAnswer, TestRequest, TestServer};
pub use contract::{openapi_contract, openapi_contract_in};
pub use issuer::TestIssuer;
pub use link::Link;
pub use neighbours::Neighbours;
pub use platform::{TestPlatform, TestUser, background, clean_up, config, redis_url, redis_url_of};
pub use product::{
    Configurator, InstanceDatabases, MOST_WRONG_CODES, SETUP_CODE, TestProduct, active_instance, admin_url,
    on_database, run_sql,
};
pub use redis_server::RedisServer;
pub use walls::tenant_walls;

use std::time::{Duration, Instant};

/// Longest wait of [`eventually`]: twice the visibility timeout of most queues, after which a message comes back whose
/// first receiver was never heard of again, as when an answer is lost on a machine that has too much to do.
const DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// Asks until there is an answer; panics with the sentence `what` when the deadline passes.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < DEADLINE, "did not happen within {DEADLINE:?}: {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// A variable that `cargo xtask test` sets.
fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with `cargo xtask test`"))
}
