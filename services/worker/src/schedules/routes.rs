//! Endpoints of schedules, for operators.

use super::{
    model::{Schedule, ScheduleBody},
    store,
};
use crate::{
    app::App,
    jobs::routes::{ReadJobs, WriteJobs},
};
use access::Allowed;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use common::{
    http::{ETag, IfMatch, Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use idempotency::Creating;
use uuid::Uuid;

/// More schedules than this are more than people can look over.
const MOST: i64 = 1_000;
#[utoipa::path(get, path = "/v1/schedules", operation_id = "listSchedules", tag = "schedules", params(PageQuery),
    responses((status = 200, body = Page<Schedule>)), security(("bearer" = ["worker.readJobs"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadJobs>,
    Query(page): Query<PageQuery>,
) -> Result<Page<Schedule>, Problem> {
    let request = page.check()?;
    let schedules = store::page(&mut caller.begin_across_tenants(&app.db).await?, request).await?;
    Ok(Page::cut(schedules, request, |schedule| schedule.id))
}

#[utoipa::path(get, path = "/v1/schedules/{id}", operation_id = "getSchedule", tag = "schedules",
    params(("id" = Uuid, Path)), responses((status = 200, body = Schedule, headers(("ETag" = String))),
        (status = 404, description = "`schedule_not_found`")), security(("bearer" = ["worker.readJobs"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadJobs>,
    Path(id): Path<Uuid>,
) -> Result<(ETag, Json<Schedule>), Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let schedule = store::get(&mut tx, id).await?.ok_or_else(not_found)?;
    Ok((ETag(schedule.revision), Json(schedule)))
}

#[utoipa::path(post, path = "/v1/schedules", operation_id = "createSchedule", tag = "schedules",
    request_body = ScheduleBody, responses((status = 201, body = Schedule, headers(("ETag" = String))),
        (status = 409, description = "`too_many_schedules`")), security(("bearer" = ["worker.writeJobs"])))]
pub async fn create(
    State(app): State<App>,
    caller: Allowed<WriteJobs>,
    Creating(Json(body), mut once): Creating<Json<ScheduleBody>>,
) -> Result<Response, Problem> {
    let next = body.check(app.ambient.now())?;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    if store::count(&mut tx).await? >= MOST {
        return Err(Problem::conflict(
            "too_many_schedules",
            "There are 1,000 schedules, which is the most there can be.",
        ));
    }
    let id = store::insert(&mut tx, &body, next, &caller.principal.to_string()).await?;
    let schedule = store::get(&mut tx, id).await?.ok_or_else(not_found)?;
    let location = [(header::LOCATION, format!("/v1/schedules/{id}"))];
    let made = (StatusCode::CREATED, ETag(schedule.revision), location, Json(schedule));
    let answer = once.remember(&mut tx, made).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(put, path = "/v1/schedules/{id}", operation_id = "editSchedule", tag = "schedules",
    params(("id" = Uuid, Path),
        ("If-Match" = String, Header, description = "The `ETag` of what was read, or `*`.")),
    request_body = ScheduleBody,
    responses((status = 200, body = Schedule, headers(("ETag" = String))),
        (status = 404, description = "`schedule_not_found`"),
        (status = 412, description = "`schedule_edited`: somebody else has edited it since it was read."),
        (status = 428, description = "`if_match_missing`")),
    security(("bearer" = ["worker.writeJobs"])))]
pub async fn edit(
    State(app): State<App>,
    caller: Allowed<WriteJobs>,
    Path(id): Path<Uuid>,
    read: IfMatch,
    Json(body): Json<ScheduleBody>,
) -> Result<(ETag, Json<Schedule>), Problem> {
    body.check(app.ambient.now())?;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let was = store::get(&mut tx, id).await?.ok_or_else(not_found)?;
    read.check(was.revision, "schedule_edited")?;
    let next = body.next(&was, app.ambient.now())?;
    store::edit(&mut tx, id, &body, next, &caller.principal.to_string()).await?;
    let schedule = store::get(&mut tx, id).await?.ok_or_else(not_found)?;
    tx.commit().await?;
    Ok((ETag(schedule.revision), Json(schedule)))
}

#[utoipa::path(delete, path = "/v1/schedules/{id}", operation_id = "deleteSchedule", tag = "schedules",
    params(("id" = Uuid, Path)), responses((status = 204), (status = 404, description = "`schedule_not_found`")),
    security(("bearer" = ["worker.writeJobs"])))]
pub async fn delete(
    State(app): State<App>,
    caller: Allowed<WriteJobs>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    if !store::delete(&mut tx, id).await? {
        return Err(not_found());
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn not_found() -> Problem {
    Problem::not_found("schedule_not_found", "There is no such schedule.")
}
