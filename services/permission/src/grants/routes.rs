//! HTTP of grants.

use super::{
    ReadGrants, WriteGrants, changes,
    grantee::Grantee,
    model::CreateGrant,
    store::{self, Grant},
};
use crate::{
    app::App,
    change::{Begun, Change, Writer, Written, done, in_force, written},
    effective::model::Effect,
};
use access::Allowed;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use common::{
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use idempotency::{Creating, Once};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

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
) -> Result<Page<Grant>, Problem> {
    let request = page.check()?;
    let rows =
        store::page(&mut caller.begin(&app.db).await?, filter.principal.as_ref(), app.ambient.now(), request).await?;
    Ok(Page::cut(rows, request, |grant| grant.id))
}

#[utoipa::path(post, path = "/v1/grants", operation_id = "createGrant", tag = "grants", request_body = CreateGrant,
    responses((status = 201, body = Written<Grant>, headers(("X-Version" = i64))),
        (status = 409, description = "`already_granted`; `too_many_grants`; `last_owner`, `last_operator`: the denial \
                                      would leave none."),
        (status = 403, description = "`permission_missing`, `user_session_required`, or `escalation`: the caller \
        lacks some of what it would \
                                      give."),
        (status = 503, description = "`revoke_unconfirmed`: it is stored, but caches may not know it.")),
    security(("bearer" = ["permission.writeGrants"])))]
pub async fn create(
    writer: Writer<WriteGrants>,
    Creating(Json(request), mut once): Creating<Json<CreateGrant>>,
) -> Result<Response, Problem> {
    let mut change = match writer.begin_once(request.principal.principal(), &mut once).await? {
        Begun::New(change) => change,
        Begun::Before(answer) => return Ok(answer),
    };
    match (changes::create(&mut change, &request).await, request.effect) {
        (Ok(grant), effect) => {
            let answer = shown(&mut change, &once, grant).await?;
            match effect {
                Effect::Allow => change.commit().await?,
                Effect::Deny => change.commit_in_force().await?,
            };
            Ok(answer)
        }
        (Err(problem), Effect::Allow) => Err(problem),
        (Err(problem), Effect::Deny) => {
            change.undo().await?;
            // "Already denied" must not be said while it is not in force: this may be the repetition of a call that was
            // answered 503.
            in_force(&writer.app, writer.caller.tenant).await?;
            Err(problem)
        }
    }
}

async fn shown(change: &mut Change, once: &Once, grant: Grant) -> Result<Response, Problem> {
    let location = [(header::LOCATION, format!("/v1/grants/{}", grant.id))];
    let answer = (location, written(StatusCode::CREATED, change.version(), grant));
    once.remember(change.tx(), answer).await
}

#[utoipa::path(delete, path = "/v1/grants/{id}", operation_id = "revokeGrant", tag = "grants",
    params(("id" = Uuid, Path)),
    responses((status = 204, headers(("X-Version" = i64))),
        (status = 409, description = "`last_owner`, `last_operator`: nobody would be left."),
        (status = 403, description = "`permission_missing`, `user_session_required`, or `escalation`: the caller \
        lacks some of what the end of \
                                      a denial would give."),
        (status = 503, description = "`revoke_unconfirmed`: it is stored, but caches may not know it. Repeat the \
                                      request until it answers 204."),
        (status = 404, description = "`grant_not_found`")),
    security(("bearer" = ["permission.writeGrants"])))]
pub async fn revoke(writer: Writer<WriteGrants>, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    let mut change = writer.begin(None).await?;
    changes::revoke(&mut change, id).await?;
    Ok(done(change.commit_in_force().await?))
}
