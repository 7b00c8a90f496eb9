//! HTTP of groups and their members.

use super::{
    changes::{self, no_such_group},
    store::{self, Group, Member},
};
use crate::{
    app::App,
    change::{Begun, Writer, Written, done, written},
    grants::{ReadGrants, WriteGrants},
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
use contracts::id::Principal;
use idempotency::Creating;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateGroup {
    /// Lower-case letters, digits and `-`.
    #[schema(example = "moderators")]
    pub name: String,
}

#[utoipa::path(get, path = "/v1/groups", operation_id = "listGroups", tag = "groups", params(PageQuery),
    responses((status = 200, body = Page<Group>)), security(("bearer" = ["permission.readGrants"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadGrants>,
    Query(page): Query<PageQuery>,
) -> Result<Page<Group>, Problem> {
    let request = page.check()?;
    let rows = store::page(&mut caller.begin(&app.db).await?, request).await?;
    Ok(Page::cut(rows, request, |group| group.id))
}

#[utoipa::path(post, path = "/v1/groups", operation_id = "createGroup", tag = "groups", request_body = CreateGroup,
    responses((status = 201, body = Written<Group>, headers(("X-Version" = i64))),
        (status = 409, description = "`group_exists`, `too_many_groups`"),
        (status = 403, description = "`user_session_required`")),
    security(("bearer" = ["permission.writeGrants"])))]
pub async fn create(
    writer: Writer<WriteGrants>,
    Creating(Json(request), mut once): Creating<Json<CreateGroup>>,
) -> Result<Response, Problem> {
    let mut change = match writer.begin_once(None, &mut once).await? {
        Begun::New(change) => change,
        Begun::Before(answer) => return Ok(answer),
    };
    let group = changes::create(&mut change, &request.name).await?;
    let location = [(header::LOCATION, format!("/v1/groups/{}", group.id))];
    let answer = (location, written(StatusCode::CREATED, change.version(), group));
    let answer = once.remember(change.tx(), answer).await?;
    change.commit().await?;
    Ok(answer)
}

#[utoipa::path(delete, path = "/v1/groups/{id}", operation_id = "deleteGroup", tag = "groups",
    params(("id" = Uuid, Path)),
    responses((status = 204, headers(("X-Version" = i64))),
        (status = 403, description = "`permission_missing`, `user_session_required`, or \
        `escalation`: the group denies \
        what the caller lacks."),
        (status = 404, description = "`group_not_found`"),
        (status = 503, description = "`revoke_unconfirmed`: it is stored, but caches may not know it.")),
    security(("bearer" = ["permission.writeGrants"])))]
pub async fn delete(writer: Writer<WriteGrants>, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    let mut change = writer.begin(None).await?;
    changes::delete(&mut change, id).await?;
    Ok(done(change.commit_in_force().await?))
}

#[utoipa::path(get, path = "/v1/groups/{id}/members", operation_id = "listGroupMembers", tag = "groups",
    params(("id" = Uuid, Path), PageQuery),
    responses((status = 200, body = Page<Member>),
        (status = 404, description = "`group_not_found`")), security(("bearer" = ["permission.readGrants"])))]
pub async fn members(
    State(app): State<App>,
    caller: Allowed<ReadGrants>,
    Path(id): Path<Uuid>,
    Query(page): Query<PageQuery>,
) -> Result<Page<Member>, Problem> {
    let (request, mut tx) = (page.check()?, caller.begin(&app.db).await?);
    store::get(&mut tx, id).await?.ok_or_else(no_such_group)?;
    let rows = store::members(&mut tx, id, request).await?;
    Ok(Page::cut(rows, request, |member| member.id))
}

#[utoipa::path(put, path = "/v1/groups/{id}/members/{principal}", operation_id = "addGroupMember", tag = "groups",
    params(("id" = Uuid, Path), ("principal" = String, Path, description = "`user:<uuid>` or `client:<id>`")),
    responses((status = 204, headers(("X-Version" = i64))),
        (status = 409, description = "`too_many_groups`; `last_owner`, `last_operator`: the \
        group denies something to the last one."),
        (status = 403, description = "`permission_missing`, `user_session_required`, or `escalation`: the caller \
        lacks some of what the group \
                                      has."),
        (status = 404, description = "`group_not_found`"),
        (status = 422, description = "`invalid`: the principal is no member or machine of the tenant."),
        (status = 503, description = "`revoke_unconfirmed`: it is stored, but caches may not know it.")),
    security(("bearer" = ["permission.writeGrants"])))]
pub async fn add(
    writer: Writer<WriteGrants>,
    Path((id, principal)): Path<(Uuid, Principal)>,
) -> Result<Response, Problem> {
    let mut change = writer.begin([&principal]).await?;
    changes::add(&mut change, id, &principal).await?;
    // The group may deny something.
    Ok(done(change.commit_in_force().await?))
}

#[utoipa::path(delete, path = "/v1/groups/{id}/members/{principal}", operation_id = "removeGroupMember", tag = "groups",
    params(("id" = Uuid, Path), ("principal" = String, Path, description = "`user:<uuid>` or `client:<id>`")),
    responses((status = 204, headers(("X-Version" = i64))),
        (status = 403, description = "`permission_missing`, `user_session_required`, or \
        `escalation`: the group denies \
        what the caller lacks."),
        (status = 503, description = "`revoke_unconfirmed`: it is stored, but caches may not know it. Repeat the \
                                      request until it answers 204."),
        (status = 404, description = "`group_not_found`")),
    security(("bearer" = ["permission.writeGrants"])))]
pub async fn remove(
    writer: Writer<WriteGrants>,
    Path((id, principal)): Path<(Uuid, Principal)>,
) -> Result<Response, Problem> {
    let mut change = writer.begin(None).await?;
    changes::remove(&mut change, id, &principal).await?;
    Ok(done(change.commit_in_force().await?))
}
