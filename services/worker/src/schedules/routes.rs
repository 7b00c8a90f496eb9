//! Endpoints of schedules, for operators.

use super::{cron::Line, store};
use crate::{
    app::App,
    jobs::routes::{ReadJobs, WriteJobs},
    rates::routes::check_kind,
};
use access::Allowed;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use chrono::{DateTime, Utc};
use common::{
    http::{ETag, IfMatch, Json, Path, Query},
    page::{Page, PageQuery},
    problem::{FieldError, Problem},
};
use idempotency::Creating;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// More schedules than this are more than people can look over.
const MOST: i64 = 1_000;
const LONGEST_NAME: usize = 100;
/// Bytes of a payload, as JSON.
const LARGEST_PAYLOAD: usize = 64 * 1024;

/// A job that is ordered at the times of a cron line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Schedule {
    pub id: Uuid,
    pub name: String,
    /// Minute, hour, day of the month, month and day of the week, in UTC.
    #[schema(example = "30 3 * * *")]
    pub cron: String,
    #[schema(example = "instance.migrate")]
    pub kind: String,
    #[schema(example = 1)]
    pub version: i32,
    pub tenant_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<Uuid>,
    #[schema(value_type = Object)]
    pub payload: Value,
    /// When the next job is ordered, unless the schedule is paused.
    pub next_at: DateTime<Utc>,
    /// The time of the last tick that was ordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_job_id: Option<Uuid>,
    pub paused: bool,
    pub revision: i32,
    pub updated_at: DateTime<Utc>,
    pub updated_by: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct ScheduleBody {
    /// For people; 1 to 100 bytes.
    #[schema(example = "Nightly report of Acme")]
    pub name: String,
    /// Minute, hour, day of the month, month and day of the week, in UTC.
    #[schema(example = "30 3 * * *")]
    pub cron: String,
    #[schema(example = "instance.migrate")]
    pub kind: String,
    /// Of the kind; absent means 1.
    #[serde(default = "first")]
    #[schema(default = 1, minimum = 1, maximum = 2_147_483_647)]
    pub version: u32,
    pub tenant_id: Uuid,
    #[serde(default)]
    pub instance_id: Option<Uuid>,
    /// What the job's handler takes, at most 64 KiB.
    #[schema(value_type = Object)]
    pub payload: Value,
    /// Nothing is ordered, and ticks that pass are not made up for.
    #[serde(default)]
    pub paused: bool,
}

fn first() -> u32 {
    1
}

impl ScheduleBody {
    /// When it is due first.
    fn check(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
        check_kind(&self.kind)?;
        let mut errors = Vec::new();
        if !(1..=LONGEST_NAME).contains(&self.name.len()) || self.name.contains('\0') {
            errors.push(FieldError::new("name", "malformed", "must have 1 to 100 bytes, and no NUL"));
        }
        if !(1..=i32::MAX.unsigned_abs()).contains(&self.version) {
            errors.push(FieldError::new("version", "out_of_range", "counts from 1"));
        }
        let payload = self.payload.to_string();
        if !self.payload.is_object() || payload.len() > LARGEST_PAYLOAD || payload.contains("\\u0000") {
            errors.push(FieldError::new("payload", "malformed", "must be an object of at most 64 KiB without NUL"));
        }
        let next = Line::parse(&self.cron, now).and_then(|line| line.next(now));
        match next {
            Ok(next) if errors.is_empty() => Ok(next),
            Ok(_) => Err(Problem::invalid(errors)),
            Err(unfit) => {
                errors.push(FieldError::new("cron", "malformed", unfit.to_string()));
                Err(Problem::invalid(errors))
            }
        }
    }
}

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
    let next = body.check(app.ambient.now())?;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    read.check(store::get(&mut tx, id).await?.ok_or_else(not_found)?.revision, "schedule_edited")?;
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
