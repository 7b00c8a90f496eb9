//! Endpoints of jobs, for operators and configurator. Those of every tenant are theirs to see.

use super::{
    store::{self, Wanted},
    view::{Job, LogLine},
};
use crate::app::App;
use access::{Allowed, Internal, callers, permissions};
use axum::{extract::State, http::StatusCode, response::Response};
use common::{
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::{Problem, constraint},
};
use contracts::{
    http::jobs::{JobProgress, JobState},
    id::JobId,
};
use idempotency::Once;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

permissions! {
    pub ReadJobs = platform "worker.readJobs",
    pub WriteJobs = platform "worker.writeJobs",
}

callers! {
    pub Configurator = ["configurator"],
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only jobs in this state.
    state: Option<JobState>,
    /// Only jobs of this kind.
    #[param(example = "instance.migrate")]
    kind: Option<String>,
    /// Only jobs of this tenant.
    tenant_id: Option<Uuid>,
    /// Only jobs of this instance.
    instance_id: Option<Uuid>,
}

#[utoipa::path(get, path = "/v1/jobs", operation_id = "listJobs", tag = "jobs", params(Filter, PageQuery),
    responses((status = 200, body = Page<Job>)), security(("bearer" = ["worker.readJobs"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadJobs>,
    Query(filter): Query<Filter>,
    Query(page): Query<PageQuery>,
) -> Result<Page<Job>, Problem> {
    let request = page.check()?;
    let can = app.abilities.now().await;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let Filter { state, kind, tenant_id: tenant, instance_id: instance } = filter;
    let jobs = store::list(&mut tx, &Wanted { state, kind, tenant, instance }, request, &can).await?;
    Ok(Page::cut(jobs, request, |job| job.id))
}

#[utoipa::path(get, path = "/v1/jobs/{id}", operation_id = "getJob", tag = "jobs", params(("id" = Uuid, Path)),
    responses((status = 200, body = Job),
        (status = 404, description = "`job_not_found`")), security(("bearer" = ["worker.readJobs"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadJobs>,
    Path(id): Path<JobId>,
) -> Result<Json<Job>, Problem> {
    let can = app.abilities.now().await;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    store::get(&mut tx, id, &can).await?.map(Json).ok_or_else(not_found)
}

#[utoipa::path(get, path = "/v1/jobs/{id}/log", operation_id = "getJobLog", tag = "jobs",
    params(("id" = Uuid, Path), PageQuery), responses((status = 200, body = Page<LogLine>),
        (status = 404, description = "`job_not_found`")), security(("bearer" = ["worker.readJobs"])))]
pub async fn log(
    State(app): State<App>,
    caller: Allowed<ReadJobs>,
    Path(id): Path<JobId>,
    Query(page): Query<PageQuery>,
) -> Result<Page<LogLine>, Problem> {
    let request = page.check()?;
    let can = app.abilities.now().await;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let job = store::get(&mut tx, id, &can).await?.ok_or_else(not_found)?;
    Ok(Page::cut(store::log(&mut tx, job.id, request).await?, request, |line| line.id))
}

#[utoipa::path(post, path = "/v1/jobs/{id}/retry", operation_id = "retryJob", tag = "jobs", params(("id" = Uuid, Path)),
    responses((status = 202, body = Job),
        (status = 409, description = "`job_not_failed`: the job has neither failed nor been cancelled. \
            `job_key_taken`: another job with its `unique_key` is not finished."),
        (status = 404, description = "`job_not_found`")),
        security(("bearer" = ["worker.writeJobs"])))]
pub async fn retry(
    State(app): State<App>,
    caller: Allowed<WriteJobs>,
    Path(id): Path<JobId>,
    mut once: Once,
) -> Result<Response, Problem> {
    let can = app.abilities.now().await;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    let job = store::get(&mut tx, id, &can).await?.ok_or_else(not_found)?;
    if !store::retry(&mut tx, job.id, &caller.principal.to_string()).await.map_err(key_taken)? {
        return Err(Problem::conflict("job_not_failed", "Only a job that failed or was cancelled can be run again."));
    }
    let job = store::get(&mut tx, id, &can).await?.ok_or_else(not_found)?;
    let answer = once.remember(&mut tx, (StatusCode::ACCEPTED, Json(job))).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(get, path = "/internal/jobs/{id}", operation_id = "getJobProgress", tag = "jobs",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = JobProgress),
        (status = 404, description = "`job_not_found`")), security(("platform_client" = ["configurator"])))]
pub async fn progress(
    State(app): State<App>,
    caller: Internal<Configurator>,
    Path(id): Path<JobId>,
) -> Result<Json<JobProgress>, Problem> {
    let can = app.abilities.now().await;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    store::progress(&mut tx, id, &can).await?.map(Json).ok_or_else(not_found)
}

fn key_taken(error: sqlx::Error) -> Problem {
    match constraint(&error) {
        Some("jobs_unique_key") => Problem::conflict("job_key_taken", "Another job with its unique key is unfinished."),
        _ => error.into(),
    }
}

pub(super) fn not_found() -> Problem {
    Problem::not_found("job_not_found", "There is no such job.")
}
