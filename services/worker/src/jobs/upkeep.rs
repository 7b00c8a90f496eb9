//! Upkeep of the table of jobs: snoozed jobs wait again when their time has come, and finished ones are forgotten.

use super::model::WORK;
use common::{
    db::{Background, CrossTenantTx, Db, Scoped},
    poller::Poller,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How much later than their time snoozed jobs may wait again.
const WAKE: Duration = Duration::from_secs(1);
/// Snoozed jobs a statement.
const WOKEN: i64 = 500;
/// Whoever wakes jobs holds this lock ("snooze" in ASCII), so that no two enter the same lanes in another order.
const WAKING: i64 = 0x736e_6f6f_7a65;
/// Who looks for what happened a month ago finds it.
pub const KEPT_DAYS: i32 = 35;
/// How often finished jobs are looked for that were kept for so long.
const FORGET: Duration = Duration::from_secs(60);
/// Jobs a statement, so that none holds locks for long.
const FORGOTTEN: i64 = 500;

/// Queues snoozed jobs whose time has come, until `shutdown`.
pub(crate) async fn wake(db: Db, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(WAKE, shutdown);
    while poller.next().await {
        let pass = async {
            let mut tx = background.begin_across_tenants(&db).await?;
            let woken = wake_some(&mut tx).await?;
            tx.commit().await.map(|()| woken == WOKEN.unsigned_abs())
        };
        poller.report(pass.await, "Snoozed jobs wait for the database");
    }
}

async fn wake_some(tx: &mut CrossTenantTx) -> sqlx::Result<u64> {
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

/// Forgets finished jobs, and what belongs to them, until `shutdown`.
pub(crate) async fn forget(db: Db, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(FORGET, shutdown);
    while poller.next().await {
        let pass = async {
            let mut tx = background.begin_across_tenants(&db).await?;
            let forgotten = forget_some(&mut tx).await?;
            tx.commit().await.map(|()| forgotten == FORGOTTEN)
        };
        poller.report(pass.await, "Finished jobs that are to be forgotten wait for the database");
    }
}

/// Joined orders go with their job.
async fn forget_some(tx: &mut CrossTenantTx) -> sqlx::Result<i64> {
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
