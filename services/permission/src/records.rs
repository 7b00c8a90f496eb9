//! How does what a principal may do get into the cache? Stamps first, then the database, then the record under those stamps.
//!
//! A change between the two reads writes new stamps after its commit, so the record made of the old rows never counts.

use crate::{app::App, effective};
use axum::extract::State;
use common::{
    access::{Fill, FillAnswer, FillRequest, Internal, RecordStore},
    ambient::Ambient,
    callers,
    http::Json,
    problem::Problem,
};
use contracts::id::{Principal, TenantId};
use sqlx::PgPool;
use std::{collections::BTreeSet, pin::Pin, time::Duration};

/// Without an expiry the cache decides how long a record lives.
const NO_EXPIRY: Duration = Duration::MAX;
/// Redis counts a record's life in whole seconds, so one that must end earlier is not left there at all.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);

callers! { pub Platform = ["*"] }

/// Reads permissions and leaves them in the cache; cheap to clone.
#[derive(Clone)]
pub struct Records {
    pool: PgPool,
    store: RecordStore,
    ambient: Ambient,
}

impl Records {
    pub fn new(pool: PgPool, store: RecordStore, ambient: Ambient) -> Self {
        Self { pool, store, ambient }
    }

    /// What the principal may do in the tenant right now. With Redis away it is still true, only not left there.
    pub async fn fill(&self, tenant: TenantId, principal: &Principal) -> Result<BTreeSet<String>, Problem> {
        let stamps = self.store.stamps(tenant, principal).await;
        let effective = effective::store::read(&mut *self.pool.acquire().await?, tenant, principal).await?.at(self.ambient.now());
        let left = effective.until.map_or(NO_EXPIRY, |until| (until - self.ambient.now()).to_std().unwrap_or_default());
        let written = match stamps {
            Ok(stamps) if left >= SHORTEST_LIFE => self.store.write(tenant, principal, stamps, &effective.permissions, left).await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::warn!(error = &error as &dyn std::error::Error, "A record was made but not left in Redis");
        }
        Ok(effective.permissions)
    }
}

impl Fill for Records {
    fn fill<'a>(&'a self, tenant: TenantId, principal: &'a Principal) -> Pin<Box<dyn Future<Output = Result<BTreeSet<String>, Problem>> + Send + 'a>> {
        Box::pin(Self::fill(self, tenant, principal))
    }
}

#[utoipa::path(post, path = "/internal/records", operation_id = "fillRecord", tag = "internal", request_body = FillRequest,
    responses((status = 200, body = FillAnswer)),
    security(("platform_client" = ["*"])))]
pub async fn fill(State(app): State<App>, _: Internal<Platform>, Json(request): Json<FillRequest>) -> Result<Json<FillAnswer>, Problem> {
    let permissions = app.records.fill(request.tenant_id, &request.principal).await?;
    Ok(Json(FillAnswer { permissions }))
}
