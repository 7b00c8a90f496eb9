//! SQL of how operators end jobs, and run them again.

use super::{
    end::{End, Verdict},
    model::WORK,
};
use common::{
    db::{CrossTenantTx, Scoped},
    trace,
};
use contracts::{
    http::jobs::JobState,
    id::{InstanceId, JobId, TenantId},
};
use uuid::Uuid;

/// Queues a job anew that failed or was cancelled; `false` if it did not.
pub async fn retry(tx: &mut CrossTenantTx, id: Uuid, by: &str) -> sqlx::Result<bool> {
    let queued = sqlx::query!(
        "WITH again AS (
             UPDATE jobs SET state = 'queued', run = run + 1, attempts = 0, takeovers = 0, outages = 0,
                    run_after = now(), finished_at = NULL, progress = NULL, cancelled_by = NULL
              WHERE id = $1 AND state IN ('failed', 'cancelled') RETURNING id, tenant_id)
         INSERT INTO job_log (job_id, tenant_id, text) SELECT id, tenant_id, 'queued again by ' || $2 FROM again",
        id,
        by,
    );
    let queued = queued.execute(&mut **tx).await?.rows_affected() == 1;
    tx.wake(WORK);
    Ok(queued)
}

/// What a cancellation came to.
pub enum Cancelled {
    /// The job waited, and has ended; the caller tells so.
    AtOnce(End),
    /// Its worker will hear of it.
    Asked,
    Finished,
}

/// Ends a job that waits, or whose worker has lost it; asks the worker of one that runs to end it.
pub async fn cancel(tx: &mut CrossTenantTx, id: Uuid, by: &str) -> sqlx::Result<Cancelled> {
    let verdict = Verdict::cancelled_by(by);
    let job = sqlx::query!(
        r#"WITH asked AS (
               UPDATE jobs SET cancelled_by = $2, state = CASE WHEN held THEN state ELSE 'cancelled' END,
                      finished_at = CASE WHEN held THEN NULL ELSE now() END,
                      last_error = CASE WHEN held THEN last_error ELSE $3 END,
                      lease = CASE WHEN held THEN lease END, lease_until = CASE WHEN held THEN lease_until END
                 FROM (SELECT id AS found, state = 'running' AND lease_until > now() AS held FROM jobs
                        WHERE id = $1 FOR UPDATE) AS was
                WHERE id = found AND state IN ('queued', 'snoozed', 'running') RETURNING jobs.*),
           logged AS (
               INSERT INTO job_log (job_id, tenant_id, text)
               SELECT id, tenant_id, CASE state WHEN 'running' THEN 'to be cancelled, says ' || $2 ELSE $3 END
                 FROM asked)
           SELECT id, kind, tenant_id, instance_id, run, state AS "state: JobState", unique_key IS NOT NULL AS "unique!"
             FROM asked"#,
        id,
        by,
        verdict.reason()
    );
    let Some(job) = job.fetch_optional(&mut **tx).await? else { return Ok(Cancelled::Finished) };
    if job.state == JobState::Running {
        return Ok(Cancelled::Asked);
    }
    Ok(Cancelled::AtOnce(End {
        job_id: JobId(job.id),
        // Nobody had it.
        lease: Uuid::nil(),
        tenant: TenantId(job.tenant_id),
        kind: job.kind,
        instance_id: job.instance_id.map(InstanceId),
        run: job.run.unsigned_abs(),
        unique: job.unique,
        verdict,
        trace: trace::current(),
    }))
}
