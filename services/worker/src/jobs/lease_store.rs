//! SQL of leases: whose is a job, and for how long? It is leased to one worker at a time; whoever has lost the lease
//! can write nothing.

use super::model::{Can, Claim, Claimed, Counts, Progress, WORK};
use common::db::{CrossTenantTx, Scoped, TenantTx};
use sqlx::types::Json;
use std::time::Duration;

/// Takes the job that the statement in that file finds.
macro_rules! take {
    ($tx:expr, $claim:expr, $file:literal) => {{
        let Claim { worker, lease, can, duration } = $claim;
        let (seconds, Can { kinds, versions, bundles }) = (duration.as_secs_f64(), can);
        let taken = sqlx::query_file_as!(Claimed, $file, worker, lease, seconds, kinds, versions, bundles);
        taken.fetch_optional(&mut **$tx).await
    }};
}

/// Takes a job whose worker was not heard of until its lease ended, the longest abandoned first.
pub(crate) async fn take_over(tx: &mut CrossTenantTx, claim: &Claim<'_>) -> sqlx::Result<Option<Claimed>> {
    take!(tx, claim, "src/jobs/take_over.sql")
}

/// Takes the queued job that has been due for longest.
pub(crate) async fn begin(tx: &mut CrossTenantTx, claim: &Claim<'_>) -> sqlx::Result<Option<Claimed>> {
    take!(tx, claim, "src/jobs/begin.sql")
}

/// Extends the lease; `false` means that the job is no longer ours, as it does in every function below.
pub(crate) async fn extend(tx: &mut TenantTx, job: &Claimed, duration: Duration) -> sqlx::Result<bool> {
    let extended = sqlx::query!(
        "UPDATE jobs SET lease_until = now() + make_interval(secs => $3) WHERE tenant_id = $4 AND id = $1
         AND lease = $2 AND state = 'running'",
        job.id.0,
        job.lease,
        duration.as_secs_f64(),
        tx.tenant().0
    );
    Ok(extended.execute(&mut **tx).await?.rows_affected() == 1)
}

pub(crate) async fn note(tx: &mut TenantTx, job: &Claimed, progress: Progress, line: &str) -> sqlx::Result<bool> {
    let noted = sqlx::query!(
        "UPDATE jobs SET progress = $3, log = logged(log, $4) WHERE tenant_id = $5 AND id = $1 AND lease = $2
         AND state = 'running'",
        job.id.0,
        job.lease,
        Json(progress) as _,
        line,
        tx.tenant().0
    );
    Ok(noted.execute(&mut **tx).await?.rows_affected() == 1)
}

/// Ends the job; a reason means that it has failed. The caller says so to others in the same transaction.
pub(crate) async fn finish(tx: &mut TenantTx, job: &Claimed, failure: Option<&str>) -> sqlx::Result<bool> {
    let finished = sqlx::query!(
        "UPDATE jobs SET state = CASE WHEN $3::text IS NULL THEN 'succeeded'
         ELSE 'failed' END, last_error = $3, lease = NULL, lease_until = NULL,
                finished_at = now(), log = logged(log, coalesce('failed: ' || $3, 'succeeded'))
          WHERE tenant_id = $4 AND id = $1 AND lease = $2 AND state = 'running'",
        job.id.0,
        job.lease,
        failure,
        tx.tenant().0
    );
    Ok(finished.execute(&mut **tx).await?.rows_affected() == 1)
}

/// Queues the job for another attempt after `wait`. A start that met an outage was no attempt.
pub(crate) async fn postpone(
    tx: &mut TenantTx,
    job: &Claimed,
    wait: Duration,
    reason: &str,
    outage: bool,
) -> sqlx::Result<bool> {
    let postponed = sqlx::query!(
        "UPDATE jobs SET state = 'queued', run_after = now() + make_interval(secs => $3), last_error = $4,
         lease = NULL, lease_until = NULL,
                attempts = attempts - CASE WHEN $5 THEN 1 ELSE 0 END, outages = CASE WHEN $5 THEN outages + 1
                ELSE 0 END,
                log = logged(log, 'put off: ' || $4)
          WHERE tenant_id = $6 AND id = $1 AND lease = $2 AND state = 'running'",
        job.id.0,
        job.lease,
        wait.as_secs_f64(),
        reason,
        outage,
        tx.tenant().0
    );
    Ok(postponed.execute(&mut **tx).await?.rows_affected() == 1)
}

/// Queues the job for another worker, as if it had not been begun.
pub(crate) async fn hand_back(tx: &mut TenantTx, job: &Claimed, why: &str) -> sqlx::Result<bool> {
    let handed_back = sqlx::query!(
        "UPDATE jobs SET state = 'queued', run_after = now(), attempts = attempts - 1, lease = NULL, lease_until = NULL,
                log = logged(log, 'handed back: ' || $3)
          WHERE tenant_id = $4 AND id = $1 AND lease = $2 AND state = 'running'",
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
           count(*) FILTER (WHERE state = 'running') AS "running!",
                  count(*) FILTER (WHERE state = 'queued'
                      AND (kind, version, bundle) NOT IN (SELECT *
                      FROM unnest($1::text[], $2::integer[], $3::text[]))) AS "left!"
             FROM jobs WHERE state IN ('queued', 'running')"#,
        &can.kinds,
        &can.versions,
        &can.bundles
    )
    .fetch_one(&mut **tx)
    .await
}
