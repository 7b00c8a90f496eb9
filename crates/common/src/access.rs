//! May this caller do this? One round trip to Redis for each request; a stale permission is never taken for a live one.
//!
//! | module | answers |
//! | --- | --- |
//! | [`extract`] | how does a handler name who may call it? |
//! | [`cache`] | what lies in Redis, and when does it count? |
//! | [`coalesce`] | how do checks that wait at the same time share one round trip? |
//! | [`stores`] | who writes to the cache? |

mod cache;
mod coalesce;
mod extract;
mod stores;

pub use cache::Stamps;
pub use extract::{Allowed, Authenticated, Callers, Internal, Permission};
pub use stores::{RecordStore, SessionStore};

use crate::{client::PlatformClient, config::Base, problem::Problem, problem::RETRY_AFTER_OUTAGE, token::Claims, token::Verifier};
use cache::{Record, Values};
use coalesce::Coalescer;
use contracts::id::{Principal, TenantId};
use futures_util::future::BoxFuture;
use redis::aio::ConnectionManager;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// Refusal of a token whose session, client's secret or API key is no more.
pub const SESSION_ENDED: &str = "session_ended";

/// Asks for a principal's permissions where the cache has none that count, and leaves them in the cache.
pub trait Fill: Send + Sync {
    fn fill<'a>(&'a self, tenant: TenantId, principal: &'a Principal) -> BoxFuture<'a, Result<BTreeSet<String>, Problem>>;
}

/// Body of `POST /internal/records` of the permission service.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FillRequest {
    pub tenant_id: TenantId,
    pub principal: Principal,
}

/// Its answer.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FillAnswer {
    /// Every permission the principal effectively has in the tenant, sorted.
    pub permissions: BTreeSet<String>,
}

/// Answer of `GET /internal/sessions/{tenant_id}/{sid}` of auth.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SessionAnswer {
    /// Whether tokens with this `sid` are to be taken.
    pub alive: bool,
}

/// Fills by asking the permission service.
struct RemoteFill {
    client: PlatformClient,
    url: String,
}

impl Fill for RemoteFill {
    fn fill<'a>(&'a self, tenant: TenantId, principal: &'a Principal) -> BoxFuture<'a, Result<BTreeSet<String>, Problem>> {
        Box::pin(async move {
            let request = FillRequest { tenant_id: tenant, principal: principal.clone() };
            let answer: FillAnswer = self.client.post(&self.url, &request).await?;
            Ok(answer.permissions)
        })
    }
}

/// Verifies tokens and checks permissions; cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    verifier: Verifier,
    checks: Coalescer,
    prefix: String,
    filler: Box<dyn Fill>,
}

impl Access {
    /// Access that fills its cache by asking the permission service.
    pub fn remote(base: &Base, redis: ConnectionManager, client: PlatformClient) -> Self {
        let url = format!("{}/internal/records", base.permission_url);
        Self::new(base, redis, Box::new(RemoteFill { client, url }))
    }

    /// Access with another way to fill: the permission service reads its own database. Call it inside the runtime.
    pub fn new(base: &Base, redis: ConnectionManager, filler: Box<dyn Fill>) -> Self {
        let verifier = Verifier::new(PlatformClient::new(base), &base.auth_url, &base.token_issuer, &base.token_audience);
        Self(Arc::new(Inner { verifier, checks: Coalescer::start(redis), prefix: base.redis_prefix.clone(), filler }))
    }

    pub fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// Checks that the session of `claims` is alive and, if one is named, that its principal has the permission.
    ///
    /// 401: the session has ended. 403: the permission is missing. 503: it cannot be known right now.
    pub async fn admit(&self, claims: &Claims, permission: Option<&str>) -> Result<(TenantId, Principal), Problem> {
        let principal = claims.principal().ok_or_else(|| Problem::unauthorized("token_invalid", "The access token is not valid."))?;
        let tenant = claims.tid.ok_or_else(|| Problem::forbidden("no_tenant", "This token acts in no tenant."))?;
        let keys = cache::keys(&self.0.prefix, tenant, &principal, claims.sid);
        let mut values = self.0.checks.get(keys).await.map_err(|_| away())?;
        if claims.sid.is_some() && values[3].is_none() {
            return Err(Problem::unauthorized(SESSION_ENDED, "The session has ended. Log in again."));
        }
        let allowed = match permission {
            None => true,
            Some(permission) => claims.covers(permission) && self.allows(&mut values, tenant, &principal, permission).await?,
        };
        if allowed { Ok((tenant, principal)) } else { Err(missing(permission.unwrap_or_default())) }
    }

    async fn allows(&self, values: &mut Values, tenant: TenantId, principal: &Principal, permission: &str) -> Result<bool, Problem> {
        if let Some(record) = Record::counting(values) {
            metrics::counter!("permission_cache_total", "outcome" => "hit").increment(1);
            return Ok(record.allows(permission));
        }
        metrics::counter!("permission_cache_total", "outcome" => "miss").increment(1);
        Ok(self.0.filler.fill(tenant, principal).await?.contains(permission))
    }
}

fn away() -> Problem {
    Problem::unavailable(RETRY_AFTER_OUTAGE, "The session and permission cache cannot be reached right now.")
}

fn missing(permission: &str) -> Problem {
    Problem::forbidden("permission_missing", format!("This needs the permission {permission}."))
}
