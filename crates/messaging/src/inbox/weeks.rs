//! Partitions of the inbox, a week each: made ahead, and dropped when nobody can deliver their messages any more.

use crate::inbox::KEPT;
use chrono::{DateTime, TimeDelta, Utc};
use common::{db::Db, poller::Poller};
use sqlx::{AssertSqlSafe, PgPool};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often they are looked at.
const PAUSE: Duration = Duration::from_secs(3600);
/// Made so long before they are needed: a process that cannot make them has time to be repaired.
const MADE_AHEAD: TimeDelta = TimeDelta::days(14);
/// Kept for longer than is asked of them, as clocks differ.
const MARGIN: TimeDelta = TimeDelta::days(1);
/// Every process of a service looks; one at a time does something.
const LOCK: &str = "SELECT pg_try_advisory_xact_lock(hashtext('inbox_messages'))";
/// A drop waits for those who write, and others who want to write wait for it: not longer than this.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '100ms'";
const ADD: &str = "CALL inbox_add_weeks($1, $2)";
/// By the first day in their names.
const FORGOTTEN: &str = "
    SELECT relname::text FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent = 'inbox_messages'::regclass
        AND to_date(right(relname, 8), 'YYYYMMDD') + 7 < ($1::timestamptz AT TIME ZONE 'UTC')::date
    ORDER BY relname";

/// Keeps the partitions of a service's inbox until `shutdown`.
pub async fn run(db: Db, shutdown: CancellationToken) {
    let mut poller = Poller::every(PAUSE, shutdown);
    while poller.next().await {
        let pass = keep(db.pool(), db.ambient().now()).await;
        poller.report(pass.map(|()| false), "The partitions of the inbox could not be made or dropped yet");
    }
}

/// Makes and drops what is due at `now`, unless another process is doing so.
pub async fn keep(pool: &PgPool, now: DateTime<Utc>) -> sqlx::Result<()> {
    let mut tx = pool.begin().await?;
    if !sqlx::query_scalar::<_, bool>(LOCK).fetch_one(&mut *tx).await? {
        return Ok(());
    }
    let since = now - KEPT - MARGIN;
    sqlx::query(ADD).bind(since).bind(now + MADE_AHEAD).execute(&mut *tx).await?;
    let forgotten: Vec<String> = sqlx::query_scalar(FORGOTTEN).bind(since).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    for partition in forgotten {
        // A transaction each: what was dropped stays so if the next has to wait.
        let mut tx = pool.begin().await?;
        sqlx::raw_sql(LOCK_TIMEOUT).execute(&mut *tx).await?;
        let drop = format!("DROP TABLE IF EXISTS \"{partition}\"");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *tx).await?;
        tx.commit().await?;
        tracing::info!(partition, "A week of the inbox is forgotten");
    }
    Ok(())
}
