//! Who was granted or denied what, and how is that changed?

use super::{
    changes::{self, Wish},
    grantee::Grantee,
    store::{self, Grant},
};
use crate::{
    app::App,
    audit::Origin,
    change::{Change, Written, done, in_force, written},
    effective::model::Effect,
    instant,
};
use access::{Allowed, permissions};
use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use common::{
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

permissions! { pub ReadGrants = "permission.readGrants", pub WriteGrants = "permission.writeGrants" }

#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct CreateGrant {
    /// `user:<uuid>`, `client:<id>` or `group:<uuid>`.
    pub principal: Grantee,
    /// `deny` takes away what any other grant gives, and wins over all of them.
    #[serde(default)]
    pub effect: Effect,
    /// Name of a role; or give a permission.
    #[schema(example = "accountant")]
    pub role: Option<String>,
    /// Name of a permission; or give a role.
    pub permission: Option<String>,
    /// Until when; absent means until it is revoked.
    #[serde(default, deserialize_with = "instant::optional")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Why, for whoever looks at it later.
    pub reason: Option<String>,
}

impl From<CreateGrant> for Wish {
    fn from(request: CreateGrant) -> Self {
        let CreateGrant { principal, effect, role, permission, expires_at, reason } = request;
        Self { principal, effect, role, permission, expires_at, reason }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GrantFilter {
    /// Only the grants of this principal or group: `user:<uuid>`, `client:<id>` or `group:<uuid>`.
    #[param(value_type = Option<String>)]
    pub principal: Option<Grantee>,
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
    let rows =
        store::page(&mut caller.begin(&app.db).await?, filter.principal.as_ref(), app.ambient.now(), request).await?;
    Ok(Json(Page::cut(rows, request, |grant| grant.id)))
}

#[utoipa::path(post, path = "/v1/grants", operation_id = "createGrant", tag = "grants", request_body = CreateGrant,
    responses((status = 201, body = Written<Grant>),
        (status = 409, description = "`already_granted`; `too_many_grants`; `last_owner`, `last_operator`: the denial would leave none."),
        (status = 403, description = "`permission_missing`, or `escalation`: the caller lacks some of what it would give.")),
    security(("bearer" = ["permission.writeGrants"])))]
pub async fn create(
    State(app): State<App>,
    caller: Allowed<WriteGrants>,
    origin: Origin,
    Json(request): Json<CreateGrant>,
) -> Result<Response, Problem> {
    let wish = Wish::from(request);
    let mut change = Change::begin(&app, &caller, &origin, wish.principal.principal()).await?;
    let created = changes::create(&mut change, &wish).await;
    if wish.effect == Effect::Allow {
        let grant = created?;
        return Ok(written(StatusCode::CREATED, change.commit(&app).await?, grant));
    }
    match created {
        Ok(grant) => Ok(written(StatusCode::CREATED, change.commit_in_force(&app).await?, grant)),
        Err(problem) => {
            change.undo().await?;
            // "Already denied" must not be said while it is not in force: this may be the repetition of a call that was answered 503.
            in_force(&app, caller.tenant).await?;
            Err(problem)
        }
    }
}

#[utoipa::path(delete, path = "/v1/grants/{id}", operation_id = "revokeGrant", tag = "grants", params(("id" = Uuid, Path)),
    responses((status = 204), (status = 409, description = "`last_owner`, `last_operator`: nobody would be left."),
        (status = 403, description = "`permission_missing`, or `escalation`: the caller lacks some of what the end of a denial would give."),
        (status = 503, description = "`revoke_unconfirmed`: it is stored, but caches may not know it. Repeat the request until it answers 204.")),
    security(("bearer" = ["permission.writeGrants"])))]
pub async fn revoke(
    State(app): State<App>,
    caller: Allowed<WriteGrants>,
    origin: Origin,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let mut change = Change::begin(&app, &caller, &origin, None).await?;
    changes::revoke(&mut change, id).await?;
    Ok(done(change.commit_in_force(&app).await?))
}
