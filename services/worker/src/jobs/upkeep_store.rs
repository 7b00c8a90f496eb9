//! SQL of the upkeep of jobs: which snoozed ones wait again, and which finished ones are forgotten.

use super::model::WORK;
use common::db::{CrossTenantTx, Scoped};

/// Snoozed jobs a statement.
pub(super) const WOKEN: i64 = 500;
/// Whoever wakes jobs holds this lock ("snooze" in ASCII), so that no two enter the same lanes in another order.
const WAKING: i64 = 0x736e_6f6f_7a65;
/// Who looks for what happened a month ago finds it.
const KEPT_DAYS: i32 = 35;
/// Jobs a statement, so that none holds locks for long.
pub(super) const FORGOTTEN: i64 = 500;

/// Queues snoozed jobs whose time has come, at most [`WOKEN`]; gives how many.
pub(super) async fn wake(tx: &mut CrossTenantTx) -> sqlx::Result<u64> {
    let locked = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "locked!""#, WAKING);
    if !locked.fetch_one(&mut **tx).await? {
        return Ok(0);
    }
    let woken = sqlx::query!(
        "UPDATE jobs SET state = 'queued' WHERE id = ANY (ARRAY(
             SELECT id FROM jobs WHERE state = 'snoozed' AND run_after <= now() ORDER BY run_after LIMIT $1
             FOR UPDATE SKIP LOCKED))",
        WOKEN
    );
    let woken = woken.execute(&mut **tx).await?.rows_affected();
    if woken > 0 {
        tx.wake(WORK);
    }
    Ok(woken)
}

/// Deletes finished jobs that were kept for long enough, at most [`FORGOTTEN`]; gives how many. Joined orders go with
/// their job.
pub(super) async fn forget(tx: &mut CrossTenantTx) -> sqlx::Result<i64> {
    let forgotten = sqlx::query_scalar!(
        r#"WITH gone AS (
               DELETE FROM jobs WHERE id = ANY (ARRAY(
                   SELECT id FROM jobs WHERE finished_at < now() - make_interval(days => $1)
                    ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED))
               RETURNING id),
           lines AS (DELETE FROM job_log USING gone WHERE job_log.job_id = gone.id)
           SELECT count(*) AS "gone!" FROM gone"#,
        KEPT_DAYS,
        FORGOTTEN
    );
    let forgotten = forgotten.fetch_one(&mut **tx).await?;
    sqlx::query!("DELETE FROM job_days WHERE day < (now() AT TIME ZONE 'UTC')::date - $1::integer", KEPT_DAYS)
        .execute(&mut **tx)
        .await?;
    // A bucket that is full says nothing.
    sqlx::query!("DELETE FROM job_buckets WHERE next_at < now() - interval '1 day'").execute(&mut **tx).await?;
    Ok(forgotten)
}
