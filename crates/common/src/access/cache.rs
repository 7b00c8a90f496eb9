//! What lies in Redis, and when does it count? A record counts only under the stamps it was made under.
//!
//! Keys of a tenant share its hash slot: `{tid}:rec:{principal}`, `{tid}:us:{principal}`, `{tid}:ts`, `{tid}:sess:{sid}`.
//! Whoever fills reads the stamps before the database, so a record made of rows older than a revocation carries an older stamp.

use crate::ambient::Ambient;
use contracts::id::{Principal, SessionId, TenantId};
use redis::{AsyncCommands, ExistenceCheck, RedisResult, SetExpiry, SetOptions, aio::ConnectionManager};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, time::Duration};

/// Stamps outlive every record made under them; one that expires only costs a refill.
const STAMP_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// A record's longest life; the permission service gives less when a grant expires earlier.
const RECORD_LIFETIME: Duration = Duration::from_secs(3600);

/// The two stamps of a record: the principal's and the tenant's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamps {
    us: String,
    ts: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    stamps: Stamps,
    permissions: BTreeSet<String>,
}

/// What one `MGET` told.
pub(super) struct Lookup {
    pub session_alive: bool,
    /// `None` if there is no record that counts.
    pub permissions: Option<BTreeSet<String>>,
}

fn key(prefix: &str, tenant: TenantId, rest: &str) -> String {
    format!("{prefix}{{{tenant}}}:{rest}")
}

pub(super) async fn look_up(
    redis: &mut ConnectionManager,
    prefix: &str,
    tenant: TenantId,
    principal: &Principal,
    session: Option<SessionId>,
) -> RedisResult<Lookup> {
    let mut keys = vec![key(prefix, tenant, &format!("rec:{principal}")), key(prefix, tenant, &format!("us:{principal}")), key(prefix, tenant, "ts")];
    keys.extend(session.map(|session| key(prefix, tenant, &format!("sess:{session}"))));
    let values: Vec<Option<String>> = redis.mget(keys).await?;
    let value = |index: usize| values.get(index).and_then(Option::as_deref);
    Ok(Lookup { session_alive: session.is_none() || value(3).is_some(), permissions: counting(value(0), value(1), value(2)) })
}

/// The permissions of a record whose stamps both exist and are the present ones.
fn counting(record: Option<&str>, us: Option<&str>, ts: Option<&str>) -> Option<BTreeSet<String>> {
    let record: Record = serde_json::from_str(record?).ok()?;
    (record.stamps.us == us? && record.stamps.ts == ts?).then_some(record.permissions)
}

/// Writes sessions; only auth has one.
#[derive(Clone)]
pub struct SessionStore {
    redis: ConnectionManager,
    prefix: String,
}

impl SessionStore {
    pub fn new(redis: ConnectionManager, prefix: &str) -> Self {
        Self { redis, prefix: prefix.to_owned() }
    }

    /// From now on tokens of the session are taken, for at most `lifetime`.
    pub async fn open(&self, tenant: TenantId, session: SessionId, lifetime: Duration) -> RedisResult<()> {
        self.redis.clone().set_ex(key(&self.prefix, tenant, &format!("sess:{session}")), 1, lifetime.as_secs().max(1)).await
    }

    /// From now on tokens of the session are refused everywhere.
    pub async fn close(&self, tenant: TenantId, session: SessionId) -> RedisResult<()> {
        self.redis.clone().del(key(&self.prefix, tenant, &format!("sess:{session}"))).await
    }
}

/// Writes records and stamps; only the permission service has one.
#[derive(Clone)]
pub struct RecordStore {
    redis: ConnectionManager,
    prefix: String,
    ambient: Ambient,
}

impl RecordStore {
    pub fn new(redis: ConnectionManager, prefix: &str, ambient: Ambient) -> Self {
        Self { redis, prefix: prefix.to_owned(), ambient }
    }

    /// The present stamps, made if absent. Read them **before** the database.
    pub async fn stamps(&self, tenant: TenantId, principal: &Principal) -> RedisResult<Stamps> {
        let us = key(&self.prefix, tenant, &format!("us:{principal}"));
        let ts = key(&self.prefix, tenant, "ts");
        let absent = stamp_options().conditional_set(ExistenceCheck::NX);
        let mut pipe = redis::pipe();
        pipe.set_options(&us, self.stamp(), absent.clone()).ignore().set_options(&ts, self.stamp(), absent).ignore().mget(&[us, ts]);
        let ((us, ts),): ((String, String),) = pipe.query_async(&mut self.redis.clone()).await?;
        Ok(Stamps { us, ts })
    }

    /// Leaves a record made under `stamps`; it lives for `lifetime`, at most an hour.
    pub async fn write(&self, tenant: TenantId, principal: &Principal, stamps: Stamps, permissions: &BTreeSet<String>, lifetime: Duration) -> RedisResult<()> {
        let record = Record { stamps, permissions: permissions.clone() };
        let text = serde_json::to_string(&record).map_err(std::io::Error::other)?;
        let seconds = lifetime.min(RECORD_LIFETIME).as_secs().max(1);
        self.redis.clone().set_ex(key(&self.prefix, tenant, &format!("rec:{principal}")), text, seconds).await
    }

    /// From now on no record of the principal made before counts. Call it after the commit, before the answer.
    pub async fn restamp_principal(&self, tenant: TenantId, principal: &Principal) -> RedisResult<()> {
        self.redis.clone().set_options(key(&self.prefix, tenant, &format!("us:{principal}")), self.stamp(), stamp_options()).await
    }

    /// From now on no record of the tenant made before counts: for role and catalog changes.
    pub async fn restamp_tenant(&self, tenant: TenantId) -> RedisResult<()> {
        self.redis.clone().set_options(key(&self.prefix, tenant, "ts"), self.stamp(), stamp_options()).await
    }

    fn stamp(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.ambient.bytes()))
    }
}

fn stamp_options() -> SetOptions {
    SetOptions::default().with_expiration(SetExpiry::EX(STAMP_LIFETIME.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_only_under_both_present_stamps() {
        let record = r#"{"us":"a","ts":"b","permissions":["x.y"]}"#;
        assert!(counting(Some(record), Some("a"), Some("b")).unwrap().contains("x.y"));
        for (record, us, ts) in [
            (None, Some("a"), Some("b")),
            (Some(record), None, Some("b")),
            (Some(record), Some("a"), None),
            (Some(record), Some("z"), Some("b")),
            (Some("{"), Some("a"), Some("b")),
        ] {
            assert_eq!(counting(record, us, ts), None);
        }
    }
}
