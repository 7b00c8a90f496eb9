//! Endpoints with which operators end jobs, and run them again.

use super::{
    control_store::{self, Cancelled},
    end_store,
    routes::{WriteJobs, not_found},
    store,
    view::Job,
};
use crate::app::App;
use access::Allowed;
use axum::{extract::State, http::StatusCode, response::Response};
use common::{
    http::{Json, Path},
    problem::{Problem, constraint},
};
use contracts::id::JobId;
use idempotency::Once;

#[utoipa::path(post, path = "/v1/jobs/{id}/retry", operation_id = "retryJob", tag = "jobs",
    params(("id" = JobId, Path)),
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
    if !control_store::retry(&mut tx, job.id, &caller.principal.to_string()).await.map_err(key_taken)? {
        return Err(Problem::conflict("job_not_failed", "Only a job that failed or was cancelled can be run again."));
    }
    let job = store::get(&mut tx, id, &can).await?.ok_or_else(not_found)?;
    let answer = once.remember(&mut tx, (StatusCode::ACCEPTED, Json(job))).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(post, path = "/v1/jobs/{id}/cancel", operation_id = "cancelJob", tag = "jobs",
    params(("id" = JobId, Path)),
    responses((status = 202, body = Job), (status = 409, description = "`job_finished`: the job has ended already."),
        (status = 404, description = "`job_not_found`")),
        security(("bearer" = ["worker.writeJobs"])))]
pub async fn cancel(
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
    match control_store::cancel(&mut tx, job.id, &caller.principal.to_string()).await? {
        Cancelled::Finished => return Err(Problem::conflict("job_finished", "The job has ended already.")),
        Cancelled::AtOnce(end) => end_store::tell(&mut tx, [&end].into_iter()).await?,
        Cancelled::Asked => {}
    }
    let job = store::get(&mut tx, id, &can).await?.ok_or_else(not_found)?;
    let answer = once.remember(&mut tx, (StatusCode::ACCEPTED, Json(job))).await?;
    tx.commit().await?;
    Ok(answer)
}

fn key_taken(error: sqlx::Error) -> Problem {
    match constraint(&error) {
        Some("jobs_unique_key") => Problem::conflict("job_key_taken", "Another job with its unique key is unfinished."),
        _ => error.into(),
    }
}
