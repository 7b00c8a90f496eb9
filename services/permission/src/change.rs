//! How does anything change in a tenant? In one transaction that holds the tenant's lock, counts up its version, and is on record.

use crate::{
    app::App,
    audit::{self, Entry, Origin},
    effective,
    grants::grantee::Grantee,
    principals::{
        self,
        learning::{Unasked, learn},
    },
    stamps::{self, Debts},
    turns::Turn,
};
use access::Allowed;
use axum::{
    http::{HeaderName, StatusCode},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use common::{
    ambient::Ambient,
    db::TenantTx,
    http::Json,
    problem::{FieldError, Problem, RETRY_AFTER_OUTAGE},
};
use contracts::{
    id::{Principal, TenantId},
    messages::TenantKind,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Says on each answered write which version of the tenant's permissions it made.
const VERSION: HeaderName = HeaderName::from_static("x-version");

/// A change under way. Dropped without a commit, it did not happen.
pub struct Change {
    tx: TenantTx,
    pub tenant: TenantId,
    pub kind: TenantKind,
    pub actor: Principal,
    pub ambient: Ambient,
    origin: Value,
    version: i64,
    unasked: Unasked,
    /// Behind `tx`: the next one's turn comes when the lock is free.
    turn: Turn,
}

/// What a write made, and the version from which on it is seen.
#[derive(Debug, Serialize, ToSchema)]
pub struct Written<T> {
    #[serde(flatten)]
    pub what: T,
    /// Counts the changes of the tenant's permissions. A check that demands `at_least_version` has seen this one.
    pub version: i64,
}

impl Change {
    /// Locks the tenant's roles, groups and grants against other writers. `naming`: to whom something is to be given.
    pub async fn begin<P>(
        app: &App,
        caller: &Allowed<P>,
        origin: &Origin,
        naming: impl IntoIterator<Item = &Principal>,
    ) -> Result<Self, Problem> {
        if caller.claims.scope.is_some() {
            return Err(limited());
        }
        let unasked = learn(app, caller.tenant, &naming.into_iter().cloned().collect()).await?;
        Self::open(app, caller.tenant, caller.principal.clone(), origin.of(&caller.claims), unasked).await
    }

    /// As [`begin`](Self::begin), for whom a platform service speaks. `unasked`: what [`learn`] gave.
    #[expect(clippy::disallowed_methods, reason = "writers wait for their turn before they begin")]
    pub async fn open(
        app: &App,
        tenant: TenantId,
        actor: Principal,
        origin: Value,
        unasked: Unasked,
    ) -> Result<Self, Problem> {
        let turn = app.turns.take(tenant).await;
        let mut tx = app.db.begin(tenant).await?;
        let (kind, version) = effective::store::lock(&mut tx).await?.ok_or_else(tenant_not_known)?;
        Ok(Self { tx, tenant, kind, actor, ambient: app.ambient.clone(), origin, version, unasked, turn })
    }

    /// 422 for a principal that does not exist in the tenant.
    pub async fn refuse_unknown(&mut self, principal: &Principal) -> Result<(), Problem> {
        if principals::store::exists(&mut self.tx, principal).await? {
            return Ok(());
        }
        let text = "must be a member or a machine of the tenant";
        Err(Problem::invalid(vec![FieldError::new("principal", "unknown_principal", text)]))
    }

    /// 503 if some who are granted the tenant as a whole could not be asked about.
    pub fn refuse_unasked(&self) -> Result<(), Problem> {
        self.unasked.clone().map_or(Ok(()), Err)
    }

    pub fn tx(&mut self) -> &mut TenantTx {
        &mut self.tx
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.ambient.now()
    }

    /// Counts the version up and writes down what was changed.
    pub async fn record(
        &mut self,
        action: &str,
        target: &str,
        before: Option<Value>,
        after: Option<Value>,
    ) -> sqlx::Result<()> {
        let entry = Entry { action, target, before, after, actor: &self.actor, origin: &self.origin };
        self.version = audit::store::append(&mut self.tx, &self.ambient, &entry).await?;
        Ok(())
    }

    /// No record of the principal made before counts from the answer on; for a group, none of the tenant, whatever the group's size.
    pub async fn forget(&mut self, grantee: &Grantee) -> sqlx::Result<()> {
        match grantee {
            Grantee::Principal(principal) => stamps::owe(&mut self.tx, principal).await,
            Grantee::Group(_) => self.forget_all().await,
        }
    }

    /// No record of the tenant made before counts from the answer on.
    pub async fn forget_all(&mut self) -> sqlx::Result<()> {
        stamps::owe_tenant(&mut self.tx).await
    }

    /// Commits what only gives: taking effect a little later harms nobody, and the background pays what stays owed here.
    pub async fn commit(self, app: &App) -> Result<i64, Problem> {
        let Self { tx, tenant, version, turn, .. } = self;
        tx.commit().await?;
        drop(turn);
        if let Err(error) = app.stamps.pay(Debts::Of(tenant)).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "A change takes effect only when Redis is back");
        }
        Ok(version)
    }

    /// Commits what may take away: it is in force everywhere when this returns.
    pub async fn commit_in_force(self, app: &App) -> Result<i64, Problem> {
        let Self { tx, tenant, version, turn, .. } = self;
        tx.commit().await?;
        drop(turn);
        in_force(app, tenant).await?;
        Ok(version)
    }

    /// Takes everything back.
    pub async fn undo(self) -> sqlx::Result<()> {
        self.tx.rollback().await
    }
}

/// Pays what the tenant's changes owe, or says that they are not in force everywhere.
pub async fn in_force(app: &App, tenant: TenantId) -> Result<(), Problem> {
    app.stamps.pay(Debts::Of(tenant)).await.map_err(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "A revocation is stored, and its stamp is owed");
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

/// What its owner may hand on, a key may not: it would outgrow its own limits.
fn limited() -> Problem {
    Problem::forbidden(
        "user_session_required",
        "An API key cannot change who may do what, nor try changes out. Log in, or use a client of the tenant.",
    )
}

/// auth has said that the tenant exists, but the message is still on its way.
fn tenant_not_known() -> Problem {
    Problem::unavailable(RETRY_AFTER_OUTAGE, "The tenant is still being set up.")
}
