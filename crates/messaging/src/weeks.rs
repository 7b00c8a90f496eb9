//! Tables that are partitioned by the time in their ids, a week each: weeks are made ahead, and dropped when their time
//! is over.

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
const LOCK: &str = "SELECT pg_try_advisory_xact_lock(hashtext($1))";
/// A drop waits for those who write, and others who want to write wait for it: not longer than this.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '100ms'";
/// By the first day in their names.
const FORGOTTEN: &str = "
    SELECT relname::text FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent = $1::text::regclass
        AND to_date(right(relname, 8), 'YYYYMMDD') + 7 < ($2::timestamptz AT TIME ZONE 'UTC')::date
    ORDER BY relname";

/// A table whose weeks are kept.
#[derive(Clone, Copy, Debug)]
pub struct Weekly {
    pub table: &'static str,
    /// The statement that makes the weeks that are missing, from `$1` to `$2`.
    pub add: &'static str,
    /// Counted from the time in the ids.
    pub kept: TimeDelta,
}

/// The inbox: a week is dropped when nobody can deliver its messages any more.
pub const INBOX: Weekly = Weekly { table: "inbox_messages", add: "CALL inbox_add_weeks($1, $2)", kept: KEPT };

/// Keeps the partitions of a table until `shutdown`.
pub async fn run(db: Db, weekly: Weekly, shutdown: CancellationToken) {
    let mut poller = Poller::every(PAUSE, shutdown);
    while poller.next().await {
        let pass = keep(db.pool(), weekly, db.ambient().now()).await;
        poller.report(pass.map(|()| false), "The weeks of a table could not be made or dropped yet");
    }
}

/// Makes and drops what is due at `now`, unless another process is doing so.
pub async fn keep(pool: &PgPool, weekly: Weekly, now: DateTime<Utc>) -> sqlx::Result<()> {
    let mut tx = pool.begin().await?;
    if !sqlx::query_scalar::<_, bool>(LOCK).bind(weekly.table).fetch_one(&mut *tx).await? {
        return Ok(());
    }
    let since = now - weekly.kept - MARGIN;
    sqlx::query(weekly.add).bind(since).bind(now + MADE_AHEAD).execute(&mut *tx).await?;
    let forgotten: Vec<String> =
        sqlx::query_scalar(FORGOTTEN).bind(weekly.table).bind(since).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    for partition in forgotten {
        // A transaction each: what was dropped stays so if the next has to wait.
        let mut tx = pool.begin().await?;
        sqlx::raw_sql(LOCK_TIMEOUT).execute(&mut *tx).await?;
        let drop = format!("DROP TABLE IF EXISTS \"{partition}\"");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *tx).await?;
        tx.commit().await?;
        tracing::info!(partition, "A week is forgotten");
    }
    Ok(())
}
