//! HTTP of roles.

use super::{
    ReadRoles, WriteRoles,
    changes::{self, no_such_role},
    model::RoleBody,
    store::{self, Role},
};
use crate::{
    app::App,
    change::{Begun, Writer, Written, done, written},
};
use access::Allowed;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use common::{
    http::{ETag, IfMatch, Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use idempotency::Creating;
use uuid::Uuid;

#[utoipa::path(get, path = "/v1/roles", operation_id = "listRoles", tag = "roles", params(PageQuery),
    responses((status = 200, body = Page<Role>)), security(("bearer" = ["permission.readRoles"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadRoles>,
    Query(page): Query<PageQuery>,
) -> Result<Page<Role>, Problem> {
    let request = page.check()?;
    let rows = store::page(&mut caller.begin(&app.db).await?, request).await?;
    Ok(Page::cut(rows, request, |role| role.id))
}

#[utoipa::path(get, path = "/v1/roles/{id}", operation_id = "getRole", tag = "roles", params(("id" = Uuid, Path)),
    responses((status = 200, body = Role, headers(("ETag" = String))),
        (status = 404, description = "`role_not_found`")),
    security(("bearer" = ["permission.readRoles"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadRoles>,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let role = store::get(&mut caller.begin(&app.db).await?, id).await?.ok_or_else(no_such_role)?;
    Ok((ETag(role.revision), Json(role)).into_response())
}

#[utoipa::path(post, path = "/v1/roles", operation_id = "createRole", tag = "roles", request_body = RoleBody,
    responses((status = 201, body = Written<Role>, headers(("X-Version" = i64), ("ETag" = String))),
        (status = 409, description = "`role_exists`, `too_many_roles`"),
        (status = 403, description = "`user_session_required`, or `escalation`: the caller lacks some of what the \
        role includes.")),
    security(("bearer" = ["permission.writeRoles"])))]
pub async fn create(
    writer: Writer<WriteRoles>,
    Creating(Json(body), mut once): Creating<Json<RoleBody>>,
) -> Result<Response, Problem> {
    let mut change = match writer.begin_once(None, &mut once).await? {
        Begun::New(change) => change,
        Begun::Before(answer) => return Ok(answer),
    };
    let role = changes::create(&mut change, &body).await?;
    let location = [(header::LOCATION, format!("/v1/roles/{}", role.id))];
    let answer = (location, shown(StatusCode::CREATED, change.version(), role));
    let answer = once.remember(change.tx(), answer).await?;
    change.commit().await?;
    Ok(answer)
}

#[utoipa::path(put, path = "/v1/roles/{id}", operation_id = "editRole", tag = "roles", request_body = RoleBody,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The `ETag` of the role that was read, or \
        `*`.")),
    responses((status = 200, body = Written<Role>, headers(("X-Version" = i64), ("ETag" = String))),
        (status = 409, description = "`role_exists`: the tenant has another role of this name. `role_built_in`: \
                                      nobody edits it."),
        (status = 403, description = "`permission_missing`, `user_session_required`, or `escalation`: the caller \
        lacks some of what the edit \
                                      gives."),
        (status = 412, description = "`role_edited`: somebody else has edited it since."),
        (status = 428, description = "`if_match_missing`"),
        (status = 404, description = "`role_not_found`"),
        (status = 503, description = "`revoke_unconfirmed`: it is stored, but caches may not know it.")),
    security(("bearer" = ["permission.writeRoles"])))]
pub async fn edit(
    writer: Writer<WriteRoles>,
    Path(id): Path<Uuid>,
    read: IfMatch,
    Json(body): Json<RoleBody>,
) -> Result<Response, Problem> {
    let mut change = writer.begin(None).await?;
    let role = changes::edit(&mut change, id, &body, &read).await?;
    Ok(shown(StatusCode::OK, change.commit_in_force().await?, role))
}

#[utoipa::path(delete, path = "/v1/roles/{id}", operation_id = "deleteRole", tag = "roles", params(("id" = Uuid, Path)),
    responses((status = 204, headers(("X-Version" = i64))),
        (status = 409, description = "`role_granted`: somebody still has it. `role_included`: \
        another role includes it. `role_built_in`"),
        (status = 403, description = "`user_session_required`"),
        (status = 404, description = "`role_not_found`")),
    security(("bearer" = ["permission.writeRoles"])))]
pub async fn delete(writer: Writer<WriteRoles>, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    let mut change = writer.begin(None).await?;
    changes::delete(&mut change, id).await?;
    Ok(done(change.commit().await?))
}

fn shown(status: StatusCode, version: i64, role: Role) -> Response {
    (ETag(role.revision), written(status, version, role)).into_response()
}
