//! Questions to those who know what the cache does not: the permission service what a principal may do, auth whether a
//! session lives; each asked once for all who wait.

use super::single_flight::SingleFlight;
use crate::client::PlatformClient;
use common::{config::Base, problem::Problem};
use contracts::id::{Principal, SessionId, TenantId};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// Questions of one kind that a service has under way at another one.
const QUESTIONS_AT_ONCE: usize = 16;

/// Every permission that a principal effectively has in a tenant.
pub type Permissions = Arc<BTreeSet<String>>;

/// Asks for a principal's permissions where the cache has none that count, and leaves them in the cache.
pub trait Fill: Send + Sync {
    fn fill<'a>(&'a self, tenant: TenantId, principal: &'a Principal) -> BoxFuture<'a, Result<Permissions, Problem>>;
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

/// Answer of auth's `GET /internal/sessions/{tenant_id}/{session_id}`.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SessionAnswer {
    /// Whether tokens of the session are to be taken.
    pub alive: bool,
}

/// Fills by asking the permission service.
pub(super) struct RemoteFill(SingleFlight<(TenantId, Principal), Permissions>);

impl RemoteFill {
    pub fn new(base: &Base, client: PlatformClient) -> Self {
        let url: Arc<str> = format!("{}/internal/records", base.permission_url).into();
        Self(SingleFlight::new(QUESTIONS_AT_ONCE, move |(tenant_id, principal)| {
            let (client, url) = (client.clone(), Arc::clone(&url));
            Box::pin(async move {
                let answer: FillAnswer = client.post(&url, &FillRequest { tenant_id, principal }).await?;
                Ok(Arc::new(answer.permissions))
            })
        }))
    }
}

impl Fill for RemoteFill {
    fn fill<'a>(&'a self, tenant: TenantId, principal: &'a Principal) -> BoxFuture<'a, Result<Permissions, Problem>> {
        Box::pin(self.0.ask((tenant, principal.clone())))
    }
}

/// Asks auth whether a session lives.
pub(super) struct Sessions(SingleFlight<(TenantId, SessionId), bool>);

impl Sessions {
    pub fn new(base: &Base, client: PlatformClient) -> Self {
        let url: Arc<str> = format!("{}/internal/sessions", base.auth_url).into();
        Self(SingleFlight::new(QUESTIONS_AT_ONCE, move |(tenant, session)| {
            let (client, url) = (client.clone(), format!("{url}/{tenant}/{session}"));
            Box::pin(async move {
                let answer: SessionAnswer = client.get(&url).await?;
                Ok(answer.alive)
            })
        }))
    }

    pub async fn is_alive(&self, tenant: TenantId, session: SessionId) -> Result<bool, Problem> {
        self.0.ask((tenant, session)).await
    }
}
