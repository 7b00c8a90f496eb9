//! SQL of jobs as operators see them, and of how jobs come into the table.

use super::model::{Can, Job, LogLine, Progress, WORK};
use common::{
    db::{CrossTenantTx, Scoped, TenantTx},
    page::PageRequest,
};
use contracts::{
    http::jobs::{JobProgress, JobState},
    id::{InstanceId, JobId},
    messages::RunJob,
};
use sqlx::types::Json;
use uuid::Uuid;

/// Takes a job into the table; one that is there already stays as it is.
pub async fn insert(tx: &mut TenantTx, job: &RunJob, version: i32) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO jobs (id, kind, version, tenant_id, instance_id, payload) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (id) DO NOTHING",
        job.job_id.0,
        job.kind,
        version,
        tx.tenant().0,
        job.instance_id.map(|instance| instance.0),
        job.payload,
    )
    .execute(&mut **tx)
    .await?;
    tx.wake(WORK);
    Ok(())
}

/// Rows of [`Job`]; what the asking worker `$can` do decides whether one is left to others. Its lists are `$1` to `$3`.
macro_rules! jobs {
    ($can:ident, $rest:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Job,
            r#"SELECT id, kind, version, tenant_id, instance_id, state AS "state: JobState", run, attempts, takeovers,
                      run_after, progress AS "progress: Json<Progress>", log AS "log: Json<Vec<LogLine>>", last_error,
                      created_at, started_at, finished_at, worker,
                      state = 'queued' AND (kind, version, bundle) NOT IN (SELECT *
                      FROM unnest($1::text[], $2::integer[], $3::text[])) AS "left_to_others!"
                 FROM jobs "# + $rest,
            &$can.kinds,
            &$can.versions,
            &$can.bundles
            $(, $argument)*
        )
    };
}

pub async fn get(tx: &mut CrossTenantTx, id: JobId, can: &Can) -> sqlx::Result<Option<Job>> {
    jobs!(can, "WHERE id = $4", id.0).fetch_optional(&mut **tx).await
}

/// How far a job has come, for the service that ordered it.
pub async fn progress(tx: &mut CrossTenantTx, id: JobId, can: &Can) -> sqlx::Result<Option<JobProgress>> {
    sqlx::query!(
        r#"SELECT id AS job_id, kind, instance_id, state AS "state: JobState", run, last_error AS reason, finished_at,
                  state = 'queued' AND (kind, version, bundle) NOT IN (SELECT *
                  FROM unnest($2::text[], $3::integer[], $4::text[])) AS "left_to_others!"
             FROM jobs WHERE id = $1"#,
        id.0,
        &can.kinds,
        &can.versions,
        &can.bundles,
    )
    .map(|job| JobProgress {
        job_id: JobId(job.job_id),
        kind: job.kind,
        instance_id: job.instance_id.map(InstanceId),
        state: job.state,
        run: job.run.unsigned_abs(),
        reason: job.reason,
        finished_at: job.finished_at,
        left_to_others: job.left_to_others,
    })
    .fetch_optional(&mut **tx)
    .await
}

pub async fn list(
    tx: &mut CrossTenantTx,
    state: Option<JobState>,
    instance: Option<Uuid>,
    page: PageRequest,
    can: &Can,
) -> sqlx::Result<Vec<Job>> {
    jobs!(
        can,
        "WHERE ($4::text IS NULL OR state = $4) AND ($5::uuid IS NULL OR instance_id = $5) AND id > $6
         ORDER BY id LIMIT $7",
        state as Option<JobState>,
        instance,
        page.after,
        page.fetch(),
    )
    .fetch_all(&mut **tx)
    .await
}

/// Queues a failed job anew; `false` if it has not failed.
pub async fn retry(tx: &mut CrossTenantTx, id: JobId, by: &str) -> sqlx::Result<bool> {
    let queued = sqlx::query!(
        "UPDATE jobs SET state = 'queued', run = run + 1, attempts = 0, takeovers = 0, outages = 0, run_after = now(),
                finished_at = NULL, progress = NULL, log = logged(log, $2)
          WHERE id = $1 AND state = 'failed'",
        id.0,
        format!("queued again by {by}"),
    );
    let queued = queued.execute(&mut **tx).await?.rows_affected() == 1;
    tx.wake(WORK);
    Ok(queued)
}
