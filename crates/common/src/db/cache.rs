//! Connection to Redis: how is it reached, and does it keep what it is told?

use crate::{config::Base, problem::Chain};
use redis::{
    Client, IntoConnectionInfo, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::ExposeSecret;
use std::time::Duration;

/// A command that Redis does not answer in this time counts as an outage.
const TIMEOUT: Duration = Duration::from_millis(800);
/// Pause before a Redis that was away is asked again how it is set up.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// The policy (`maxmemory-policy`) under which Redis refuses writes when it is full.
const KEEPS_EVERYTHING: &str = "noeviction";

/// Opens connections to Redis as this service's user.
pub fn redis_client(base: &Base) -> RedisResult<Client> {
    let target = base.redis_url.expose_secret().into_connection_info()?;
    // Naming the library takes a right that no service has, and each refusal would be in the log of refusals.
    let login = target.redis_settings().clone().set_skip_set_lib_name();
    Client::open(target.set_redis_settings(login))
}

/// A connection to Redis that reconnects by itself and is made when first used. Call it inside the runtime: it tells
/// the log once if that Redis forgets.
pub fn connect_redis(base: &Base) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(TIMEOUT))
        .set_connection_timeout(Some(TIMEOUT))
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(200));
    let redis = ConnectionManager::new_lazy_with_config(redis_client(base)?, config)?;
    tokio::spawn(warn_of_eviction(redis.clone()));
    Ok(redis)
}

/// Sends what may be sent twice, and sends it again if the connection turned out to be dead: after a restart of Redis
/// an idle one is, and who comes first would pay for it. Each attempt makes its command anew, as `access::RecordStore`
/// needs a fresh stamp for each.
///
/// Not after a time-out: then nobody knows whether Redis is there, and the caller has waited long enough.
pub async fn resend<T, F: Future<Output = RedisResult<T>>>(attempt: impl Fn() -> F) -> RedisResult<T> {
    match attempt().await {
        Err(error) if error.is_io_error() && !error.is_timeout() => attempt().await,
        outcome => outcome,
    }
}

/// Asks until Redis answers, and warns if it evicts keys to make room for others.
async fn warn_of_eviction(redis: ConnectionManager) {
    let policy = loop {
        match policy(&redis).await {
            Ok(policy) => break policy,
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "Redis does not say yet what it does when it is full")
            }
        }
        tokio::time::sleep(ASK_AGAIN).await;
    };
    metrics::gauge!("redis_evicts").set(if policy == KEEPS_EVERYTHING { 0 } else { 1 });
    if policy != KEEPS_EVERYTHING {
        tracing::warn!(
            maxmemory_policy = policy,
            "Redis evicts keys when it is full: an evicted session logs its user out. Set maxmemory-policy noeviction"
        );
    }
}

/// What Redis does when it is full. From `INFO`, as managed services refuse `CONFIG`.
async fn policy(redis: &ConnectionManager) -> RedisResult<String> {
    let memory: String = redis::cmd("INFO").arg("memory").query_async(&mut redis.clone()).await?;
    Ok(memory.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).unwrap_or("unknown").to_owned())
}
