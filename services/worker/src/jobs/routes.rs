//! Endpoints of jobs, for operators and configurator. Those of every tenant are theirs to see.

use super::{
    store::{self, Wanted},
    view::{Job, LogLine, Waiting},
};
use crate::{
    app::App,
    history::routes::{refused, words},
};
use access::{Allowed, Internal, callers, permissions};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use contracts::{
    http::jobs::{JobProgress, JobState},
    id::JobId,
};
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
    /// Only jobs ordered since then.
    since: Option<DateTime<Utc>>,
    /// Only jobs ordered before then.
    until: Option<DateTime<Utc>>,
    /// Only jobs with all of these words in their order or in the message of their end, in whatever case: ids, names of
    /// products, versions, modules, keys.
    text: Option<String>,
}

#[utoipa::path(get, path = "/v1/jobs", operation_id = "listJobs", tag = "jobs", params(Filter, PageQuery),
    responses((status = 200, body = Page<Job>), (status = 422, description = "`search_too_wide`, or `invalid`")),
    security(("bearer" = ["worker.readJobs"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadJobs>,
    Query(filter): Query<Filter>,
    Query(page): Query<PageQuery>,
) -> Result<Page<Job>, Problem> {
    let request = page.check()?;
    let can = app.abilities.now().await;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let jobs = store::list(&mut tx, &filter.check()?, request, &can).await.map_err(refused)?;
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

#[utoipa::path(get, path = "/v1/waiting", operation_id = "listWaiting", tag = "jobs", params(PageQuery),
    responses((status = 200, body = Page<Waiting>)), security(("bearer" = ["worker.readJobs"])))]
pub async fn waiting(
    State(app): State<App>,
    caller: Allowed<ReadJobs>,
    Query(page): Query<PageQuery>,
) -> Result<Page<Waiting>, Problem> {
    let request = page.check()?;
    let can = app.abilities.now().await;
    let waiting = store::waiting(&mut caller.begin_across_tenants(&app.db).await?, &request, &can).await?;
    Ok(Page::cut(waiting, request, |waiting| waiting.key.clone()))
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

impl Filter {
    fn check(self) -> Result<Wanted, Problem> {
        let Self { state, kind, tenant_id: tenant, instance_id: instance, since, until, text } = self;
        Ok(Wanted { state, kind, tenant, instance, since, until, words: words(text)? })
    }
}

pub(super) fn not_found() -> Problem {
    Problem::not_found("job_not_found", "There is no such job.")
}
