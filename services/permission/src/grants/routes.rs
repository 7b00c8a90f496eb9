//! Who was granted what, and how is it granted and revoked?

use super::{
    model::{self, Wanted},
    store::{self, Grant, NewGrant},
};
use crate::{
    app::App,
    catalog,
    effective::{
        self,
        model::Held,
        store::{held_by, lock_tenant},
    },
    roles,
    stamps::{self, Debts},
};
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use common::{
    access::Allowed,
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    permissions,
    problem::{FieldError, Problem, RETRY_AFTER_OUTAGE, constraint},
};
use contracts::{
    id::{Principal, TenantId},
    messages::TenantKind,
};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

permissions! { pub ReadGrants = "permission.readGrants", pub WriteGrants = "permission.writeGrants" }

#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateGrant {
    #[schema(example = "user:01890a5d-ac96-774b-bcce-b302099a8057")]
    pub principal: Principal,
    /// Name of a role; or give a permission.
    #[schema(example = "accountant")]
    pub role: Option<String>,
    /// Name of a permission; or give a role.
    pub permission: Option<String>,
    /// Until when; absent means until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
    /// Why, for whoever looks at it later.
    pub reason: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GrantFilter {
    /// Only the grants of this principal: `user:<uuid>` or `client:<id>`.
    #[param(value_type = Option<String>)]
    pub principal: Option<Principal>,
}

/// What a wanted name stands for in the tenant.
struct Found {
    role_id: Option<Uuid>,
    held: Held,
}

#[utoipa::path(get, path = "/v1/grants", operation_id = "listGrants", tag = "grants", params(PageQuery, GrantFilter),
    responses((status = 200, body = Page<Grant>)), security(("bearer" = ["permission.readGrants"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadGrants>,
    Query(page): Query<PageQuery>,
    Query(filter): Query<GrantFilter>,
) -> Result<Json<Page<Grant>>, Problem> {
    let request = page.check()?;
    let rows = store::page(&mut *app.pool.acquire().await?, caller.tenant, filter.principal.as_ref(), app.ambient.now(), request).await?;
    Ok(Json(Page::cut(rows, request, |grant| grant.id)))
}

#[utoipa::path(post, path = "/v1/grants", operation_id = "createGrant", tag = "grants", request_body = CreateGrant,
    responses((status = 201, body = Grant), (status = 409, description = "`already_granted`: the principal has it."),
        (status = 403, description = "`permission_missing`, or `escalation`: the caller lacks some of what it would give.")),
    security(("bearer" = ["permission.writeGrants"])))]
pub async fn create(State(app): State<App>, caller: Allowed<WriteGrants>, Json(request): Json<CreateGrant>) -> Result<(StatusCode, Json<Grant>), Problem> {
    let now = app.ambient.now();
    let wanted = check(&request, now)?;
    let mut tx = app.pool.begin().await?;
    let kind = lock_tenant(&mut tx, caller.tenant).await?.ok_or_else(tenant_not_known)?;
    let Found { role_id, held } = find(&mut tx, caller.tenant, kind, &wanted).await?;
    refuse_escalation(&mut tx, &caller, effective::model::Grant { held, expires_at: request.expires_at }).await?;
    let grant = NewGrant {
        id: app.ambient.uuid(),
        principal: &request.principal,
        role_id,
        permission: request.permission.as_deref(),
        expires_at: request.expires_at,
        reason: request.reason.as_deref(),
        granted_by: &caller.principal,
        now,
    };
    store::insert(&mut tx, caller.tenant, &grant).await.map_err(not_stored)?;
    stamps::owe(&mut tx, caller.tenant, &request.principal).await?;
    tx.commit().await?;
    // A grant that takes effect a little later harms nobody: the background pays what stays owed here.
    if let Err(error) = app.stamps.pay(Debts::Of(caller.tenant, &request.principal)).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "A grant takes effect only when Redis is back");
    }
    let (id, granted_by) = (grant.id, caller.principal.to_string());
    let CreateGrant { principal, role, permission, expires_at, reason } = request;
    Ok((StatusCode::CREATED, Json(Grant { id, principal: principal.into(), role, permission, expires_at, reason, granted_by, granted_at: now })))
}

#[utoipa::path(delete, path = "/v1/grants/{id}", operation_id = "revokeGrant", tag = "grants", params(("id" = Uuid, Path)),
    responses((status = 204), (status = 409, description = "`last_owner`, `last_operator`: nobody would be left."),
        (status = 503, description = "`revoke_unconfirmed`: it is stored, but caches may not know it. Repeat the request until it answers 204.")),
    security(("bearer" = ["permission.writeGrants"])))]
pub async fn revoke(State(app): State<App>, caller: Allowed<WriteGrants>, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let mut tx = app.pool.begin().await?;
    lock_tenant(&mut tx, caller.tenant).await?.ok_or_else(no_such_grant)?;
    let grant = store::find(&mut tx, caller.tenant, id).await?.ok_or_else(no_such_grant)?;
    let principal: Principal = grant.principal.parse().map_err(|fault| Problem::internal(&fault))?;
    store::revoke(&mut tx, caller.tenant, id, &caller.principal, app.ambient.now()).await?;
    if let (Some(role), None) = (&grant.built_in_role, grant.revoked_at) {
        refuse_to_empty(&mut tx, caller.tenant, role).await?;
    }
    // Also for a grant that is revoked already: this may be the repetition of a call that was answered 503.
    stamps::owe(&mut tx, caller.tenant, &principal).await?;
    tx.commit().await?;
    app.stamps.pay(Debts::Of(caller.tenant, &principal)).await.map_err(unconfirmed)?;
    Ok(StatusCode::NO_CONTENT)
}

fn check(request: &CreateGrant, now: DateTime<Utc>) -> Result<Wanted, Problem> {
    let mut faults = model::faults(&request.principal, request.expires_at, request.reason.as_deref(), now);
    match Wanted::parse(request.role.clone(), request.permission.clone()) {
        Ok(wanted) if faults.is_empty() => return Ok(wanted),
        Ok(_) => {}
        Err(fault) => faults.push(fault),
    }
    Err(Problem::invalid(faults))
}

async fn find(conn: &mut PgConnection, tenant: TenantId, kind: TenantKind, wanted: &Wanted) -> Result<Found, Problem> {
    let unknown = |field| Problem::invalid(vec![FieldError::new(field, "unknown", "is not known")]);
    match wanted {
        Wanted::Role(name) => {
            let role = roles::store::find(conn, tenant, kind, name).await?.ok_or_else(|| unknown("role"))?;
            let built_in = Held::built_in(&role.name).filter(|_| role.built_in);
            Ok(Found { role_id: Some(role.id), held: built_in.unwrap_or_else(|| held_by(&role.permissions)) })
        }
        Wanted::Permission(name) => {
            let names = [name.clone()];
            let known = catalog::store::unknown(conn, &names).await?.is_empty();
            known.then(|| Found { role_id: None, held: held_by(&names) }).ok_or_else(|| unknown("permission"))
        }
    }
}

/// Nobody grants what they lack, nor for longer than they have it.
async fn refuse_escalation(conn: &mut PgConnection, caller: &Allowed<WriteGrants>, wanted: effective::model::Grant) -> Result<(), Problem> {
    let own = effective::store::read(conn, caller.tenant, &caller.principal).await?;
    if own.lacks(&wanted).is_empty() {
        return Ok(());
    }
    Err(Problem::forbidden("escalation", "This would give more, or for longer, than you have yourself, now or by what is added later."))
}

/// Two who revoke each other's ownership at once are put in order by the tenant's lock, so the second finds nobody left.
async fn refuse_to_empty(conn: &mut PgConnection, tenant: TenantId, role: &str) -> Result<(), Problem> {
    match model::must_stay(role) {
        Some(code) if !store::is_held(conn, tenant, role).await? => Err(Problem::conflict(code, format!("The tenant would have no {role} left."))),
        _ => Ok(()),
    }
}

/// auth has said that the tenant exists, but the message is still on its way.
pub fn tenant_not_known() -> Problem {
    Problem::unavailable(RETRY_AFTER_OUTAGE, "The tenant is still being set up.")
}

fn no_such_grant() -> Problem {
    Problem::not_found("grant_not_found", "The tenant has no grant with this id.")
}

fn unconfirmed(error: stamps::Unpaid) -> Problem {
    tracing::warn!(error = &error as &dyn std::error::Error, "A revocation is stored, and its stamp is owed");
    let detail = "The revocation is stored, but caches may not know it yet. Repeat the request until it answers 204.";
    Problem { code: "revoke_unconfirmed".into(), ..Problem::unavailable(RETRY_AFTER_OUTAGE, detail) }
}

fn not_stored(error: sqlx::Error) -> Problem {
    match constraint(&error) {
        Some("grants_once") => Problem::conflict("already_granted", "The principal has it already."),
        _ => error.into(),
    }
}
