//! SQL of leases: whose is a job, and for how long? It is leased to one worker at a time; whoever has lost the lease
//! can write nothing.

use super::{
    model::{Can, Claimed, Counts, WORK},
    view::Progress,
};
use common::db::{CrossTenantTx, Scoped, TenantTx};
use sqlx::types::Json;
use std::time::Duration;

/// Lines of a job that are kept when it is put off; the newest ones.
const KEPT_LINES: i64 = 1_000;

/// What a heartbeat hears.
pub(crate) struct Held {
    /// Who wants the job to end.
    pub cancelled_by: Option<String>,
}

/// Extends the lease; nothing means that the job is no longer ours, as `false` does in the functions below.
pub(crate) async fn extend(tx: &mut TenantTx, job: &Claimed, duration: Duration) -> sqlx::Result<Option<Held>> {
    sqlx::query_as!(
        Held,
        "UPDATE jobs SET lease_until = now() + make_interval(secs => $3) WHERE tenant_id = $4 AND id = $1
         AND lease = $2 AND state = 'running' RETURNING cancelled_by",
        job.id.0,
        job.lease,
        duration.as_secs_f64(),
        tx.tenant().0
    )
    .fetch_optional(&mut **tx)
    .await
}

/// Notes how far the job has come, and a line in its log, if there is one.
pub(crate) async fn note(
    tx: &mut TenantTx,
    job: &Claimed,
    progress: Option<Progress>,
    line: Option<&str>,
) -> sqlx::Result<()> {
    let noted = sqlx::query!(
        "WITH ours AS (
             UPDATE jobs SET progress = coalesce($3, progress) WHERE tenant_id = $5 AND id = $1 AND lease = $2
             AND state = 'running' RETURNING id, tenant_id)
         INSERT INTO job_log (job_id, tenant_id, text) SELECT id, tenant_id, left($4, 2000) FROM ours
          WHERE $4 IS NOT NULL",
        job.id.0,
        job.lease,
        progress.map(Json) as _,
        line,
        tx.tenant().0
    );
    noted.execute(&mut **tx).await.map(drop)
}

/// Why a job waits again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// A fault of its own, which counts.
    Fault,
    /// Something that it needs is away: the start was no attempt.
    Outage,
    /// Its handler wants it later: the start was no attempt.
    Snooze,
}

/// Lets the job wait for another attempt, after `wait`; one that was cancelled meanwhile is to end at once.
pub(crate) async fn postpone(
    tx: &mut TenantTx,
    job: &Claimed,
    wait: Duration,
    reason: &str,
    why: Again,
) -> sqlx::Result<bool> {
    let postponed = sqlx::query!(
        "WITH ours AS (
             UPDATE jobs SET state = 'snoozed', last_error = $4,
                    run_after = CASE WHEN cancelled_by IS NULL THEN now() + make_interval(secs => $3) ELSE now() END,
                    lease = NULL, lease_until = NULL, attempts = attempts - CASE WHEN $5 THEN 0 ELSE 1 END,
                    outages = CASE WHEN $6 THEN outages + 1 ELSE 0 END
              WHERE tenant_id = $7 AND id = $1 AND lease = $2 AND state = 'running' RETURNING id, tenant_id)
         INSERT INTO job_log (job_id, tenant_id, text) SELECT id, tenant_id, left('put off: ' || $4, 2000) FROM ours",
        job.id.0,
        job.lease,
        wait.as_secs_f64(),
        reason,
        why == Again::Fault,
        why == Again::Outage,
        tx.tenant().0
    );
    let ours = postponed.execute(&mut **tx).await?.rows_affected() == 1;
    sqlx::query!(
        "DELETE FROM job_log WHERE tenant_id = $2 AND job_id = $1 AND id <= (
             SELECT id FROM job_log WHERE tenant_id = $2 AND job_id = $1 ORDER BY id DESC OFFSET $3 LIMIT 1)",
        job.id.0,
        tx.tenant().0,
        KEPT_LINES
    )
    .execute(&mut **tx)
    .await?;
    Ok(ours)
}

/// Queues the job for another worker, as if it had not been begun.
pub(crate) async fn hand_back(tx: &mut TenantTx, job: &Claimed, why: &str) -> sqlx::Result<bool> {
    let handed_back = sqlx::query!(
        "WITH ours AS (
             UPDATE jobs SET state = 'queued', run_after = now(), attempts = attempts - 1, lease = NULL,
                    lease_until = NULL
              WHERE tenant_id = $4 AND id = $1 AND lease = $2 AND state = 'running' RETURNING id, tenant_id)
         INSERT INTO job_log (job_id, tenant_id, text) SELECT id, tenant_id, 'handed back: ' || $3 FROM ours",
        job.id.0,
        job.lease,
        why,
        tx.tenant().0
    );
    let ours = handed_back.execute(&mut **tx).await?.rows_affected() == 1;
    tx.wake(WORK);
    Ok(ours)
}

pub(crate) async fn count(tx: &mut CrossTenantTx, can: &Can) -> sqlx::Result<Counts> {
    sqlx::query_as!(
        Counts,
        r#"SELECT count(*) FILTER (WHERE state = 'queued') AS "queued!",
                  count(*) FILTER (WHERE state = 'snoozed') AS "snoozed!",
                  count(*) FILTER (WHERE state = 'running') AS "running!",
                  count(*) FILTER (WHERE state = 'queued'
                      AND (kind, version, bundle) NOT IN (SELECT *
                      FROM unnest($1::text[], $2::integer[], $3::text[]))) AS "left!"
             FROM jobs WHERE state IN ('queued', 'snoozed', 'running')"#,
        &can.kinds,
        &can.versions,
        &can.bundles
    )
    .fetch_one(&mut **tx)
    .await
}
