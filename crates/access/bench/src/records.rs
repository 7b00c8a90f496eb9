//! Memory of a million records, each with its stamps, as the permission service leaves them.

use access::RecordStore;
use anyhow::{Context, Result};
use common::{ambient::Ambient, config::Base, db};
use contracts::id::{Principal, TenantId, UserId};
use futures_util::{StreamExt, TryStreamExt, stream};
use redis::aio::ConnectionManager;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

/// What an owner holds of the six services and a product or two.
const PERMISSIONS: usize = 24;
const USERS_A_TENANT: usize = 100;
const LIFETIME: Duration = Duration::from_secs(3600);
/// Records on their way at once.
const AT_ONCE: usize = 256;

/// Writes `count` records; gives the bytes that Redis uses more than before.
pub async fn run(base: &Base, count: usize) -> Result<Value> {
    let (ambient, redis) = (Ambient::system(), db::connect_redis(base)?);
    let store = RecordStore::new(redis.clone(), &base.redis_prefix, 0, ambient.clone());
    let permissions: BTreeSet<String> =
        (0..PERMISSIONS).map(|number| format!("service{}.someAction{number}", number % 6)).collect();
    let before = used_memory(&redis).await?;
    let tenants = (0..count.div_ceil(USERS_A_TENANT)).map(|_| TenantId(ambient.uuid()));
    let principals = tenants.flat_map(|tenant| (0..USERS_A_TENANT).map(move |_| tenant)).take(count);
    let written = stream::iter(principals).map(Ok).try_for_each_concurrent(AT_ONCE, async |tenant| {
        let principal = Principal::User(UserId(ambient.uuid()));
        let stamps = store.stamps(tenant, &principal).await?;
        store.write(tenant, &principal, stamps, &permissions, LIFETIME).await
    });
    written.await?;
    let bytes = used_memory(&redis).await? - before;
    Ok(json!({"records": count, "permissions_each": PERMISSIONS, "bytes": bytes}))
}

/// `used_memory` of `INFO memory`, in bytes.
async fn used_memory(redis: &ConnectionManager) -> Result<u64> {
    let info: String = redis::cmd("INFO").arg("memory").query_async(&mut redis.clone()).await?;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line.context("Redis does not say how much memory it uses")?.trim().parse()?)
}
