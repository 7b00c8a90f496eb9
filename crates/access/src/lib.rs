//! The permission check: may this caller do this? One round trip to Redis for each request; a stale permission is never
//! taken for a live one.
//!
//! While Redis is away the services that own the truth are asked; with those away too the answer is 503, never yes.

mod cache;
pub mod client;
mod coalesce;
mod extract;
mod primary;
mod single_flight;
mod stores;
pub mod token;

pub use cache::Stamps;
pub use extract::{Allowed, Also, Authenticated, Callers, Internal, Permission, PlatformPermission, TenantPermission};
pub use primary::{Fill, FillAnswer, FillRequest, Permissions, SessionAnswer};
pub use single_flight::SingleFlight;
pub use stores::{RecordStore, SessionStore};

use crate::{
    client::PlatformClient,
    token::{Claims, Verified, Verifier, product_audience},
};
use cache::{Check, Found, Record};
use coalesce::{Away, Coalescer};
use common::{
    config::Base,
    problem::{Problem, RETRY_AFTER_OUTAGE},
    server::Health,
};
use contracts::id::{Principal, SessionId, TenantId};
use primary::{RemoteFill, Sessions};
use redis::aio::ConnectionManager;
use std::{collections::BTreeSet, sync::Arc};

/// Refusal of a token whose session, client's secret or API key is no more.
pub const SESSION_ENDED: &str = "session_ended";
/// Refusal of a caller without the permission.
const PERMISSION_MISSING: &str = "permission_missing";

/// Verifies tokens and checks permissions; cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    verifier: Verifier,
    /// Begins every key in Redis.
    prefix: String,
    checks: Coalescer,
    filler: Box<dyn Fill>,
    sessions: Sessions,
}

impl Access {
    /// Access that fills its cache by asking the permission service.
    pub fn remote(base: &Base, redis: ConnectionManager, client: PlatformClient) -> Self {
        let filler = RemoteFill::new(base, client.clone());
        Self::new(base, redis, client, Box::new(filler))
    }

    /// As [`Access::remote`], for a product: it takes only tokens that are for it.
    pub fn of_product(base: &Base, redis: ConnectionManager, client: PlatformClient, product: &str) -> Self {
        let filler = RemoteFill::new(base, client.clone());
        Self::for_audience(&product_audience(&base.token_issuer, product), base, redis, client, Box::new(filler))
    }

    /// Access with another way to fill: the permission service reads its own database. Call it inside the runtime.
    pub fn new(base: &Base, redis: ConnectionManager, client: PlatformClient, filler: Box<dyn Fill>) -> Self {
        Self::for_audience(&base.token_audience, base, redis, client, filler)
    }

    fn for_audience(
        audience: &str,
        base: &Base,
        redis: ConnectionManager,
        client: PlatformClient,
        filler: Box<dyn Fill>,
    ) -> Self {
        let verifier = Verifier::new(client.clone(), &base.auth_url, &base.token_issuer, audience);
        let sessions = Sessions::new(base, client);
        let (prefix, checks) = (base.redis_prefix.clone(), Coalescer::start(redis));
        Self(Arc::new(Inner { verifier, prefix, checks, filler, sessions }))
    }

    pub fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// Adds the keys that tokens are verified with to what a service stands on.
    pub fn with_keys(&self, health: Health) -> Health {
        let verifier = self.verifier().clone();
        health.with("keys", true, move || {
            let verifier = verifier.clone();
            async move { verifier.ready().await }
        })
    }

    /// Checks that the session of `claims` is alive and, if one is named, that its principal has the permission.
    ///
    /// 401: the session has ended. 403: the permission is missing. 503: it cannot be known right now.
    pub async fn admit(&self, claims: &Claims, permission: Option<&str>) -> Result<(TenantId, Principal), Problem> {
        let check = Arc::new(self.check(claims)?);
        self.admit_by(&check, claims, permission).await?;
        Ok((check.tenant, check.principal.clone()))
    }

    /// As [`Access::admit`], for a token whose check is remembered with it.
    async fn admit_token(&self, token: &Verified, permission: Option<&str>) -> Result<(TenantId, Principal), Problem> {
        let check = match token.check.get() {
            Some(check) => check,
            None => {
                let check = Arc::new(self.check(&token.claims)?);
                token.check.get_or_init(|| check)
            }
        };
        self.admit_by(check, &token.claims, permission).await?;
        Ok((check.tenant, check.principal.clone()))
    }

    /// What is to be asked for these claims.
    fn check(&self, claims: &Claims) -> Result<Check, Problem> {
        let principal = claims
            .principal()
            .ok_or_else(|| Problem::unauthorized("token_invalid", "The access token is not valid."))?;
        let (tenant, session) = claims
            .tid
            .zip(claims.sid)
            .ok_or_else(|| Problem::forbidden("no_tenant", "This token acts in no tenant."))?;
        Ok(Check::new(&self.0.prefix, tenant, session, principal, claims.actor()))
    }

    /// Whoever acts for somebody does what both may.
    async fn admit_by(&self, check: &Arc<Check>, claims: &Claims, permission: Option<&str>) -> Result<(), Problem> {
        let Check { tenant, session, principal, actor, .. } = &**check;
        let found = match self.0.checks.look_up(Arc::clone(check)).await {
            Ok(found) => found,
            Err(Away) => {
                let alive = Box::pin(self.0.sessions.is_alive(*tenant, *session)).await?;
                Found { alive, ..Found::default() }
            }
        };
        if !found.alive {
            return Err(Problem::unauthorized(SESSION_ENDED, "The session has ended. Log in again."));
        }
        let Some(permission) = permission else { return Ok(()) };
        if !(claims.covers(permission) && self.allows(found.record, *tenant, principal, permission).await?) {
            return Err(missing(permission));
        }
        match actor {
            Some(actor) if !self.allows(found.of_actor, *tenant, actor, permission).await? => Err(missing(permission)),
            _ => Ok(()),
        }
    }

    /// All that a principal may do in a tenant, read as for a check; whether `session` is alive is not asked.
    pub async fn permissions(
        &self,
        tenant: TenantId,
        principal: Principal,
        session: SessionId,
    ) -> Result<BTreeSet<String>, Problem> {
        let check = Arc::new(Check::new(&self.0.prefix, tenant, session, principal, None));
        let found = self.0.checks.look_up(Arc::clone(&check)).await;
        match found.ok().and_then(|found| found.record) {
            Some(record) => Ok(record.permissions()),
            None => Ok((*self.0.filler.fill(tenant, &check.principal).await?).clone()),
        }
    }

    async fn allows(
        &self,
        record: Option<Arc<Record>>,
        tenant: TenantId,
        principal: &Principal,
        permission: &str,
    ) -> Result<bool, Problem> {
        if let Some(record) = record {
            metrics::counter!("permission_cache_total", "outcome" => "hit").increment(1);
            return Ok(record.allows(permission));
        }
        metrics::counter!("permission_cache_total", "outcome" => "miss").increment(1);
        Ok(self.0.filler.fill(tenant, principal).await?.contains(permission))
    }
}

fn away() -> Problem {
    Problem::unavailable(RETRY_AFTER_OUTAGE, "Sessions and permissions cannot be checked right now.")
}

fn missing(permission: &str) -> Problem {
    Problem::forbidden(PERMISSION_MISSING, format!("This needs the permission {permission}."))
}
