//! SQL of jobs as operators see them, and of how jobs come into the table.

use super::{
    model::{Can, WORK},
    view::{Job, LogLine, Progress, Waiting, WaitsFor},
};
use crate::history::store as history;
use chrono::{DateTime, Utc};
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

/// An order that was checked.
pub struct Order<'a> {
    pub job: &'a RunJob,
    pub version: i32,
    pub priority: i16,
    pub traceparent: Option<String>,
}

/// Orders that may join one job: all of them are told of its end at once.
const MOST_JOINED: i64 = 1_000;
/// The job of a key may end while it is joined, and another may begin: so often it is tried.
const ROUNDS: usize = 5;

/// Takes a job into the table; one that is there already stays as it is, and one whose key an unfinished job has joins
/// that. `false` if neither can be: the id is another tenant's job's, or too many have joined.
pub async fn insert(tx: &mut TenantTx, order: &Order<'_>) -> sqlx::Result<bool> {
    for _ in 0..ROUNDS {
        if try_insert(tx, order).await? || join(tx, order.job).await? {
            tx.wake(WORK);
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the job has come into the table.
async fn try_insert(
    tx: &mut TenantTx,
    Order { job, version, priority, traceparent }: &Order<'_>,
) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO jobs (id, kind, version, tenant_id, instance_id, payload, unique_key, priority, traceparent,
                           run_after, state)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10, now()),
                CASE WHEN $10 > now() THEN 'snoozed' ELSE 'queued' END
          WHERE NOT EXISTS (SELECT FROM job_orders WHERE tenant_id = $4 AND id = $1)
         ON CONFLICT DO NOTHING",
        job.job_id.0,
        job.kind,
        version,
        tx.tenant().0,
        job.instance_id.map(|instance| instance.0),
        job.payload,
        job.unique_key,
        priority,
        traceparent.as_deref(),
        job.run_after,
    );
    Ok(inserted.execute(&mut **tx).await?.rows_affected() == 1)
}

/// Whether the order is known, or has joined the unfinished job with the same key.
async fn join(tx: &mut TenantTx, job: &RunJob) -> sqlx::Result<bool> {
    let known = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM jobs WHERE tenant_id = $1 AND id = $2)
               OR EXISTS (SELECT FROM job_orders WHERE tenant_id = $1 AND id = $2) AS "known!""#,
        tx.tenant().0,
        job.job_id.0
    );
    if known.fetch_one(&mut **tx).await? {
        return Ok(true);
    }
    // Until this transaction ends, so does the job not.
    let holder = sqlx::query_scalar!(
        "SELECT id FROM jobs WHERE tenant_id = $1 AND kind = $2 AND unique_key = $3
         AND state IN ('queued', 'snoozed', 'running') FOR SHARE",
        tx.tenant().0,
        job.kind,
        job.unique_key
    );
    let Some(holder) = holder.fetch_optional(&mut **tx).await? else { return Ok(false) };
    let joined = sqlx::query!(
        "INSERT INTO job_orders (id, job_id, tenant_id)
         SELECT $1, $2, $3 WHERE (SELECT count(*) FROM job_orders WHERE job_id = $2) < $4
         ON CONFLICT (id) DO NOTHING",
        job.job_id.0,
        holder,
        tx.tenant().0,
        MOST_JOINED
    );
    Ok(joined.execute(&mut **tx).await?.rows_affected() == 1)
}

/// Rows of [`Job`]; what the asking worker `$can` do decides whether one is left to others. Its lists are `$1` to `$3`.
macro_rules! jobs {
    ($can:ident, $rest:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Job,
            r#"SELECT id, kind, version, bundle, tenant_id, instance_id, state AS "state: JobState", priority,
                      unique_key, run, attempts, takeovers, run_after, progress AS "progress: Json<Progress>", output, last_error,
                      cancelled_by, created_at, started_at, finished_at, worker, traceparent,
                      left_to_others AS "left_to_others!",
                      CASE WHEN state = 'snoozed' THEN 'time'
                           WHEN state <> 'queued' THEN NULL
                           WHEN lane.next_at > now() AND lane.waits_for IS NOT NULL THEN lane.waits_for
                           WHEN left_to_others THEN 'other_worker'
                           ELSE 'slot' END AS "waits_for: WaitsFor",
                      CASE WHEN state = 'snoozed' THEN run_after
                           WHEN state = 'queued' AND lane.next_at > now() AND lane.waits_for IS NOT NULL
                           THEN lane.next_at END AS waits_until
                 FROM (SELECT *, state = 'queued' AND (kind, version, bundle) NOT IN (SELECT *
                       FROM unnest($1::text[], $2::integer[], $3::text[])) AS left_to_others FROM jobs) AS jobs
                 LEFT JOIN job_lanes AS lane USING (kind, version, bundle, tenant_id) "# + $rest,
            &$can.kinds,
            &$can.versions,
            &$can.bundles
            $(, $argument)*
        )
    };
}

/// The job of that id, or the one that the order of that id has joined.
pub async fn get(tx: &mut CrossTenantTx, id: JobId, can: &Can) -> sqlx::Result<Option<Job>> {
    jobs!(can, "WHERE id = coalesce((SELECT job_id FROM job_orders WHERE id = $4), $4)", id.0)
        .fetch_optional(&mut **tx)
        .await
}

/// How far a job has come, for the service that ordered it.
pub async fn progress(tx: &mut CrossTenantTx, id: JobId, can: &Can) -> sqlx::Result<Option<JobProgress>> {
    let job = get(tx, id, can).await?;
    Ok(job.map(|job| JobProgress {
        job_id: id,
        kind: job.kind,
        instance_id: job.instance_id.map(InstanceId),
        state: match job.state {
            JobState::Snoozed => JobState::Queued,
            JobState::Cancelled => JobState::Failed,
            state => state,
        },
        run: job.run.unsigned_abs(),
        reason: job.last_error,
        finished_at: job.finished_at,
        left_to_others: job.left_to_others,
    }))
}

/// Which jobs are asked for; nothing means all.
#[derive(Default)]
pub struct Wanted {
    pub state: Option<JobState>,
    pub kind: Option<String>,
    pub tenant: Option<Uuid>,
    pub instance: Option<Uuid>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// All of these words, in a message about it.
    pub words: Vec<String>,
}

/// Words are looked for in the history, whose index has them: one on jobs would be written at each step of each job.
pub async fn list(tx: &mut CrossTenantTx, wanted: &Wanted, page: PageRequest, can: &Can) -> sqlx::Result<Vec<Job>> {
    history::bound(tx).await?;
    jobs!(
        can,
        "WHERE ($4::text IS NULL OR state = $4) AND ($5::uuid IS NULL OR instance_id = $5)
           AND ($6::uuid IS NULL OR tenant_id = $6) AND ($7::text IS NULL OR kind = $7)
           AND ($8::timestamptz IS NULL OR id >= lowest_id_at($8))
           AND ($9::timestamptz IS NULL OR id < lowest_id_at($9))
           AND ($10::text[] = '{}' OR id IN (
               SELECT coalesce(joined.job_id, said.job_id)
                 FROM message_history AS said LEFT JOIN job_orders AS joined ON joined.id = said.job_id
                WHERE said.words @> $10 AND said.job_id IS NOT NULL AND ($6::uuid IS NULL OR said.tenant_id = $6)))
           AND id > $11
         ORDER BY id LIMIT $12",
        wanted.state as Option<JobState>,
        wanted.instance,
        wanted.tenant,
        wanted.kind.as_deref(),
        wanted.since,
        wanted.until,
        &wanted.words,
        page.after,
        page.fetch(),
    )
    .fetch_all(&mut **tx)
    .await
}

/// Lines of a job's log, oldest first.
pub async fn log(tx: &mut CrossTenantTx, id: Uuid, page: PageRequest<i64>) -> sqlx::Result<Vec<LogLine>> {
    sqlx::query_as!(
        LogLine,
        "SELECT id, at, text FROM job_log WHERE job_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        id,
        page.after,
        page.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}

/// The kinds, versions and bundles of unfinished jobs, by name.
pub async fn waiting(tx: &mut CrossTenantTx, request: &PageRequest<String>, can: &Can) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as!(
        Waiting,
        r#"SELECT key AS "key!", kind, version, bundle, queued AS "queued!", snoozed AS "snoozed!",
                  running AS "running!", oldest_at AS "oldest_at!",
                  (kind, version, bundle) NOT IN (SELECT * FROM unnest($1::text[], $2::integer[], $3::text[]))
                  AS "left_to_others!"
             FROM (SELECT kind || ' ' || version || ' ' || bundle AS key, kind, version, bundle,
                          count(*) FILTER (WHERE state = 'queued') AS queued,
                          count(*) FILTER (WHERE state = 'snoozed') AS snoozed,
                          count(*) FILTER (WHERE state = 'running') AS running, min(created_at) AS oldest_at
                     FROM jobs WHERE state IN ('queued', 'snoozed', 'running')
                    GROUP BY kind, version, bundle) AS waiting
            WHERE key COLLATE "C" > $4 ORDER BY key COLLATE "C" LIMIT $5"#,
        &can.kinds,
        &can.versions,
        &can.bundles,
        request.after,
        request.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}
