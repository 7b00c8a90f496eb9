//! Changes of a tenant: each is one transaction that holds the tenant's lock, counts up its version, and is on record.

use crate::{
    app::App,
    audit::store as audit_store,
    effective,
    grants::grantee::Grantee,
    principals::{
        self,
        learning::{Unasked, learn},
    },
    stamps,
    tenant_lock::TenantLock,
};
use access::{Allowed, Permission};
use audit::Entry;
use axum::{
    extract::FromRequestParts,
    http::{HeaderName, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use common::{
    db::TenantTx,
    http::Json,
    problem::{Chain, FieldError, Problem, RETRY_AFTER_OUTAGE},
};
use contracts::{
    id::{Principal, TenantId},
    messages::TenantKind,
};
use idempotency::Once;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Says on each answered write which version of the tenant's permissions it made.
const VERSION: HeaderName = HeaderName::from_static("x-version");

/// A caller with permission `P`, who asks for a change.
pub struct Writer<P> {
    pub app: App,
    pub caller: Allowed<P>,
}

/// What came of the beginning of a change that is made once.
pub enum Begun {
    New(Box<Change>),
    /// The answer that the same request has got before; it is in force.
    Before(Response),
}

/// A change under way. Dropped without a commit, it did not happen.
pub struct Change {
    tx: TenantTx,
    app: App,
    pub kind: TenantKind,
    pub actor: Principal,
    version: i64,
    unasked: Unasked,
    /// Behind `tx`: the next one begins when the row is free.
    lock: TenantLock,
}

/// What a write made, and the version from which on it is seen.
#[derive(Debug, Serialize, ToSchema)]
pub struct Written<T> {
    #[serde(flatten)]
    pub what: T,
    /// Counts the changes of the tenant's permissions. A check that demands `at_least_version` has seen this one.
    pub version: i64,
}

impl<P: Permission> FromRequestParts<App> for Writer<P> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = Allowed::from_request_parts(parts, app).await?;
        Ok(Self { app: app.clone(), caller })
    }
}

impl<P> Writer<P> {
    /// Locks the tenant's roles, groups and grants against other writers. `naming`: to whom something is to be given.
    pub async fn begin(&self, naming: impl IntoIterator<Item = &Principal>) -> Result<Change, Problem> {
        let Self { app, caller } = self;
        if caller.claims.scope.is_some() {
            // What its owner may hand on, a key may not: it would outgrow its own limits.
            let detail =
                "An API key cannot change who may do what, nor try changes out. Log in, or use a client of the tenant.";
            return Err(Problem::forbidden("user_session_required", detail));
        }
        let unasked = learn(app, caller.tenant, &naming.into_iter().cloned().collect()).await?;
        Change::open(app, caller.tenant, caller.principal.clone(), unasked).await
    }

    /// As [`Writer::begin`], for what is made once for an `Idempotency-Key`.
    pub async fn begin_once(
        &self,
        naming: impl IntoIterator<Item = &Principal>,
        once: &mut Once,
    ) -> Result<Begun, Problem> {
        let mut change = self.begin(naming).await?;
        let Some(answer) = once.begin(&mut change.tx, &self.caller).await? else {
            return Ok(Begun::New(Box::new(change)));
        };
        change.undo().await?;
        // The first request may have been answered that it is stored and not in force.
        in_force(&self.app, self.caller.tenant).await?;
        Ok(Begun::Before(answer))
    }
}

impl Change {
    /// As [`Writer::begin`], for whom a platform service speaks. `unasked`: what [`learn`] gave.
    #[expect(clippy::disallowed_methods, reason = "writers wait for the tenant's lock before they begin")]
    pub async fn open(app: &App, tenant: TenantId, actor: Principal, unasked: Unasked) -> Result<Self, Problem> {
        let lock = app.locks.take(tenant).await;
        let mut tx = app.db.begin(tenant).await?;
        // The message of auth that the tenant exists may still be on its way.
        let (kind, version) = effective::store::lock(&mut tx)
            .await?
            .ok_or_else(|| Problem::unavailable(RETRY_AFTER_OUTAGE, "The tenant is still being set up."))?;
        Ok(Self { tx, app: app.clone(), kind, actor, version, unasked, lock })
    }

    /// 422 for a principal that does not exist in the tenant.
    pub async fn refuse_unknown(&mut self, principal: &Principal) -> Result<(), Problem> {
        if principals::store::exists(&mut self.tx, principal).await? {
            return Ok(());
        }
        Err(FieldError::new("principal", "unknown_principal", "must be a member or a machine of the tenant").into())
    }

    /// 503 if some who are granted the tenant as a whole could not be asked about.
    pub fn refuse_unasked(&self) -> Result<(), Problem> {
        self.unasked.clone().map_or(Ok(()), Err)
    }

    pub fn tx(&mut self) -> &mut TenantTx {
        &mut self.tx
    }

    /// The tenant's version, with this change once it is recorded.
    pub fn version(&self) -> i64 {
        self.version
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.app.ambient.now()
    }

    pub fn new_id(&self) -> Uuid {
        self.app.ambient.uuid()
    }

    /// Counts the version up and writes down what was changed.
    pub async fn record(
        &mut self,
        action: &'static str,
        target: &str,
        before: Option<Value>,
        after: Option<Value>,
    ) -> sqlx::Result<()> {
        let entry = Entry::of(action, target, (before, after)).by(self.actor.clone());
        self.version = audit_store::append(&mut self.tx, entry).await?;
        Ok(())
    }

    /// No record of the principal made before counts from the answer on; for a group, none of the tenant, whatever the
    /// group's size.
    pub async fn invalidate(&mut self, grantee: &Grantee) -> sqlx::Result<()> {
        match grantee {
            Grantee::Principal(principal) => stamps::store::invalidate(&mut self.tx, principal).await,
            Grantee::Group(_) => self.invalidate_all().await,
        }
    }

    /// No record of the tenant made before counts from the answer on.
    pub async fn invalidate_all(&mut self) -> sqlx::Result<()> {
        stamps::store::invalidate_tenant(&mut self.tx).await
    }

    /// Commits what only gives: taking effect a little later harms nobody, and the background writes the stamps that
    /// stay pending.
    pub async fn commit(self) -> Result<i64, Problem> {
        let (app, tenant, version) = self.store().await?;
        if let Err(error) = app.stamps.flush(Some(tenant)).await {
            tracing::warn!(error = %Chain(&error), "A change takes effect only when Redis is back");
        }
        Ok(version)
    }

    /// Commits what may take away: it is in force everywhere when this returns.
    pub async fn commit_in_force(self) -> Result<i64, Problem> {
        let (app, tenant, version) = self.store().await?;
        in_force(&app, tenant).await?;
        Ok(version)
    }

    async fn store(self) -> sqlx::Result<(App, TenantId, i64)> {
        let Self { tx, app, version, lock, .. } = self;
        let tenant = tx.tenant();
        tx.commit().await?;
        drop(lock);
        Ok((app, tenant, version))
    }

    /// Takes everything back.
    pub async fn undo(self) -> sqlx::Result<()> {
        self.tx.rollback().await
    }
}

/// Writes the tenant's pending stamps, or says that its changes are not in force everywhere.
pub async fn in_force(app: &App, tenant: TenantId) -> Result<(), Problem> {
    app.stamps.flush(Some(tenant)).await.map_err(|error| {
        tracing::warn!(error = %Chain(&error), "A revocation is stored, and its stamp is pending");
        let detail =
            "The change is stored, but caches may not know it yet. Repeat the request until it is answered otherwise.";
        Problem { code: "revoke_unconfirmed".into(), ..Problem::unavailable(RETRY_AFTER_OUTAGE, detail) }
    })
}

/// The answer to a write that shows what it made.
pub fn written<T: Serialize>(status: StatusCode, version: i64, what: T) -> Response {
    (status, [(VERSION, version.to_string())], Json(Written { what, version })).into_response()
}

/// The answer to a write that has nothing to show.
pub fn done(version: i64) -> Response {
    (StatusCode::NO_CONTENT, [(VERSION, version.to_string())]).into_response()
}
