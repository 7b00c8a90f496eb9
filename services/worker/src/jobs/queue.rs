//! Whose is a job, and for how long? Leased to one worker at a time; whoever has lost the lease can write nothing.

use super::model::Progress;
use super::store::CHANNEL;
use crate::abilities::Can;
use contracts::id::{JobId, TenantId};
use serde_json::Value;
use sqlx::{PgConnection, types::Json};
use std::time::Duration;
use uuid::Uuid;

/// A job that this process has taken.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub id: JobId,
    /// Proof that it is ours.
    pub lease: Uuid,
    pub kind: String,
    pub version: i32,
    pub tenant_id: Option<Uuid>,
    pub instance_id: Option<Uuid>,
    pub payload: Value,
    pub attempts: i32,
    pub takeovers: i32,
    /// How often in a row it was put off because something else was away.
    pub outages: i32,
    /// How often operators had it run again, and once more.
    pub run: i32,
}

impl Claimed {
    /// Whose rows the job's transactions touch.
    pub fn tenant(&self) -> Option<TenantId> {
        self.tenant_id.map(TenantId)
    }
}

/// Who takes, what it can run, and for how long it is given.
pub(crate) struct Claim<'a> {
    pub worker: &'a str,
    /// Fresh for each claim.
    pub lease: Uuid,
    pub can: &'a Can,
    pub duration: Duration,
}

/// How many jobs wait or run.
pub(crate) struct Counts {
    pub queued: i64,
    pub running: i64,
    /// Queued jobs that the asking worker cannot do.
    pub left: i64,
}

/// Takes a job whose worker was not heard of until its lease ended, the longest abandoned first.
pub(crate) async fn take_over(conn: &mut PgConnection, claim: &Claim<'_>) -> sqlx::Result<Option<Claimed>> {
    let (seconds, Can { kinds, versions, bundles }) = (claim.duration.as_secs_f64(), claim.can);
    let taken = sqlx::query_file_as!(
        Claimed,
        "src/jobs/take_over.sql",
        claim.worker,
        claim.lease,
        seconds,
        kinds,
        versions,
        bundles
    );
    taken.fetch_optional(conn).await
}

/// Takes the queued job that has been due for longest.
pub(crate) async fn begin(conn: &mut PgConnection, claim: &Claim<'_>) -> sqlx::Result<Option<Claimed>> {
    let (seconds, Can { kinds, versions, bundles }) = (claim.duration.as_secs_f64(), claim.can);
    let begun = sqlx::query_file_as!(
        Claimed,
        "src/jobs/begin.sql",
        claim.worker,
        claim.lease,
        seconds,
        kinds,
        versions,
        bundles
    );
    begun.fetch_optional(conn).await
}

/// Extends the lease; `false` means that the job is no longer ours, as it does in every function below.
pub(crate) async fn extend(conn: &mut PgConnection, job: &Claimed, duration: Duration) -> sqlx::Result<bool> {
    let extended = sqlx::query!(
        "UPDATE jobs SET lease_until = now() + make_interval(secs => $3) WHERE id = $1 AND lease = $2 AND state = 'running'",
        job.id.0,
        job.lease,
        duration.as_secs_f64()
    );
    Ok(extended.execute(conn).await?.rows_affected() == 1)
}

pub(crate) async fn note(conn: &mut PgConnection, job: &Claimed, progress: Progress, line: &str) -> sqlx::Result<bool> {
    let noted = sqlx::query!(
        "UPDATE jobs SET progress = $3, log = logged(log, $4) WHERE id = $1 AND lease = $2 AND state = 'running'",
        job.id.0,
        job.lease,
        Json(progress) as _,
        line
    );
    Ok(noted.execute(conn).await?.rows_affected() == 1)
}

/// Ends the job; a reason means that it has failed. The caller says so to others in the same transaction.
pub(crate) async fn finish(conn: &mut PgConnection, job: &Claimed, failure: Option<&str>) -> sqlx::Result<bool> {
    let finished = sqlx::query!(
        "UPDATE jobs SET state = CASE WHEN $3::text IS NULL THEN 'succeeded' ELSE 'failed' END, last_error = $3, lease = NULL, lease_until = NULL,
                finished_at = now(), log = logged(log, coalesce('failed: ' || $3, 'succeeded'))
          WHERE id = $1 AND lease = $2 AND state = 'running'",
        job.id.0,
        job.lease,
        failure
    );
    Ok(finished.execute(conn).await?.rows_affected() == 1)
}

/// Queues the job for another attempt after `wait`. A start that met an outage was no attempt.
pub(crate) async fn postpone(
    conn: &mut PgConnection,
    job: &Claimed,
    wait: Duration,
    reason: &str,
    outage: bool,
) -> sqlx::Result<bool> {
    let postponed = sqlx::query!(
        "UPDATE jobs SET state = 'queued', run_after = now() + make_interval(secs => $3), last_error = $4, lease = NULL, lease_until = NULL,
                attempts = attempts - CASE WHEN $5 THEN 1 ELSE 0 END, outages = CASE WHEN $5 THEN outages + 1 ELSE 0 END,
                log = logged(log, 'put off: ' || $4)
          WHERE id = $1 AND lease = $2 AND state = 'running'",
        job.id.0,
        job.lease,
        wait.as_secs_f64(),
        reason,
        outage
    );
    Ok(postponed.execute(conn).await?.rows_affected() == 1)
}

/// Queues the job for another worker, as if it had not been begun.
pub(crate) async fn hand_back(conn: &mut PgConnection, job: &Claimed, why: &str) -> sqlx::Result<bool> {
    let handed_back = sqlx::query!(
        "WITH handed_back AS (
             UPDATE jobs SET state = 'queued', run_after = now(), attempts = attempts - 1, lease = NULL, lease_until = NULL,
                    log = logged(log, 'handed back: ' || $4)
              WHERE id = $1 AND lease = $2 AND state = 'running' RETURNING id)
         SELECT pg_notify($3, '') FROM handed_back",
        job.id.0,
        job.lease,
        CHANNEL,
        why
    );
    Ok(!handed_back.fetch_all(conn).await?.is_empty())
}

pub(crate) async fn count(conn: &mut PgConnection, can: &Can) -> sqlx::Result<Counts> {
    sqlx::query_as!(
        Counts,
        r#"SELECT count(*) FILTER (WHERE state = 'queued') AS "queued!", count(*) FILTER (WHERE state = 'running') AS "running!",
                  count(*) FILTER (WHERE state = 'queued'
                      AND (kind, version, bundle) NOT IN (SELECT * FROM unnest($1::text[], $2::integer[], $3::text[]))) AS "left!"
             FROM jobs WHERE state IN ('queued', 'running')"#,
        &can.kinds,
        &can.versions,
        &can.bundles
    )
    .fetch_one(conn)
    .await
}
