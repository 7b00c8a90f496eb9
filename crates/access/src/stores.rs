//! Writers of the cache: auth its sessions, the permission service records and stamps; nobody else may.

use super::cache::{Record, Stamps, key};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{ambient::Ambient, db::resend};
use contracts::id::{Principal, SessionId, TenantId};
use redis::{
    AsyncCommands, Cmd, ErrorKind, ExistenceCheck, RedisError, RedisResult, SetExpiry, SetOptions,
    aio::ConnectionManager,
};
use std::{collections::BTreeSet, time::Duration};

/// Stamps outlive every record made under them; one that expires only costs a refill.
const STAMP_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// A record's longest life; the permission service gives less when a grant expires earlier.
const RECORD_LIFETIME: Duration = Duration::from_secs(3600);
/// Replicas that have not confirmed a revocation in this time make it fail, to be repeated.
const REPLICATION_TIMEOUT: Duration = Duration::from_millis(500);

/// Keys in one `DEL`; Redis serves nobody else meanwhile, for some 100 µs.
const CLOSED_AT_ONCE: usize = 500;

/// Carries out a write and waits until `replicas` have it, so that a failover cannot undo it
/// (<https://redis.io/docs/latest/commands/wait/>). `write` makes the command, anew for each time that it is sent.
///
/// Both go in one pipeline: `WAIT` speaks of the writes of its own connection, and on a new one it would know of none.
async fn replicated(redis: &ConnectionManager, replicas: u32, write: impl Fn() -> Cmd) -> RedisResult<()> {
    let confirmed = resend(|| async {
        let mut pipe = redis::pipe();
        pipe.add_command(write()).ignore();
        if replicas == 0 {
            return pipe.query_async::<()>(&mut redis.clone()).await.map(|()| 0);
        }
        let (confirmed,): (u32,) =
            pipe.cmd("WAIT").arg(replicas).arg(REPLICATION_TIMEOUT.as_millis()).query_async(&mut redis.clone()).await?;
        Ok(confirmed)
    });
    if confirmed.await? >= replicas {
        Ok(())
    } else {
        Err(RedisError::from((ErrorKind::Io, "too few replicas confirmed the write")))
    }
}

/// Writes sessions; only auth has one.
#[derive(Clone)]
pub struct SessionStore {
    redis: ConnectionManager,
    prefix: String,
    replicas: u32,
}

impl SessionStore {
    /// `replicas` must confirm that a session has ended.
    pub fn new(redis: ConnectionManager, prefix: &str, replicas: u32) -> Self {
        Self { redis, prefix: prefix.to_owned(), replicas }
    }

    /// From now on tokens of the session are taken, for at most `lifetime`. Call it while the session's row is locked:
    /// it may be sent twice, and must not bring back what was closed in between.
    pub async fn open(&self, tenant: TenantId, session: SessionId, lifetime: Duration) -> RedisResult<()> {
        let key = key(&self.prefix, tenant, &format!("sess:{session}"));
        resend(|| async { self.redis.clone().set_ex(&key, 1, lifetime.as_secs().max(1)).await }).await
    }

    /// From now on tokens of the session are refused everywhere.
    pub async fn close(&self, tenant: TenantId, session: SessionId) -> RedisResult<()> {
        self.close_all(tenant, &[session]).await
    }

    /// From now on tokens of any of the sessions are refused everywhere.
    pub async fn close_all(&self, tenant: TenantId, sessions: &[SessionId]) -> RedisResult<()> {
        for sessions in sessions.chunks(CLOSED_AT_ONCE) {
            let keys: Vec<String> =
                sessions.iter().map(|session| key(&self.prefix, tenant, &format!("sess:{session}"))).collect();
            replicated(&self.redis, self.replicas, || Cmd::del(&keys)).await?;
        }
        Ok(())
    }
}

/// Writes records and stamps; only the permission service has one.
#[derive(Clone)]
pub struct RecordStore {
    redis: ConnectionManager,
    prefix: String,
    replicas: u32,
    ambient: Ambient,
}

impl RecordStore {
    /// `replicas` must confirm each new stamp.
    pub fn new(redis: ConnectionManager, prefix: &str, replicas: u32, ambient: Ambient) -> Self {
        Self { redis, prefix: prefix.to_owned(), replicas, ambient }
    }

    /// The present stamps, made if absent. Read them **before** the database.
    pub async fn stamps(&self, tenant: TenantId, principal: &Principal) -> RedisResult<Stamps> {
        let us = key(&self.prefix, tenant, &format!("us:{principal}"));
        let ts = key(&self.prefix, tenant, "ts");
        let absent = stamp_options().conditional_set(ExistenceCheck::NX);
        let stamps = resend(|| async {
            let mut pipe = redis::pipe();
            pipe.set_options(&us, self.stamp(), absent.clone())
                .ignore()
                .set_options(&ts, self.stamp(), absent.clone())
                .ignore()
                .mget(&[&us, &ts]);
            pipe.query_async(&mut self.redis.clone()).await
        });
        let ((us, ts),): ((String, String),) = stamps.await?;
        Ok(Stamps { us, ts })
    }

    /// Leaves a record made under `stamps`; it lives for `lifetime`, at most an hour.
    pub async fn write(
        &self,
        tenant: TenantId,
        principal: &Principal,
        stamps: Stamps,
        permissions: &BTreeSet<String>,
        lifetime: Duration,
    ) -> RedisResult<()> {
        let seconds = lifetime.min(RECORD_LIFETIME).as_secs().max(1);
        let record = Record::write(&stamps, permissions);
        let key = key(&self.prefix, tenant, &format!("rec:{principal}"));
        resend(|| async { self.redis.clone().set_ex(&key, &record, seconds).await }).await
    }

    /// From now on no record of the principal made before counts. Call it after the commit, before the answer.
    pub async fn restamp_principal(&self, tenant: TenantId, principal: &Principal) -> RedisResult<()> {
        self.restamp(key(&self.prefix, tenant, &format!("us:{principal}"))).await
    }

    /// From now on no record of the tenant made before counts: for changes of roles and of the registry.
    pub async fn restamp_tenant(&self, tenant: TenantId) -> RedisResult<()> {
        self.restamp(key(&self.prefix, tenant, "ts")).await
    }

    async fn restamp(&self, key: String) -> RedisResult<()> {
        // A stamp is never sent twice: the second time could undo another revocation in between, whose records would
        // then count again.
        replicated(&self.redis, self.replicas, || Cmd::set_options(&key, self.stamp(), stamp_options())).await
    }

    fn stamp(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.ambient.bytes::<16>())
    }
}

fn stamp_options() -> SetOptions {
    SetOptions::default().with_expiration(SetExpiry::EX(STAMP_LIFETIME.as_secs()))
}
