//! What a command gave, or that it gave nothing, comes into the instance's database: its manifest names functions, which
//! are called by the product's own role, in one transaction with a row that says so.

use crate::{handlers::Fault, instances::access};
use contracts::{http::instances::Credentials, id::JobId, instance_database};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres, Transaction};
use std::time::Duration;
use tokio::time::timeout;

/// Longest time for a call; what hangs is away, and is asked again.
const LONGEST_CALL: Duration = Duration::from_secs(120);

pub(super) async fn in_time<T>(call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    timeout(LONGEST_CALL, call).await.map_err(|_| Fault::away("the instance's database does not answer"))?
}

/// Calls the function with the job's id and what it gave; once, however often the job is tried.
pub(super) async fn hand_over(
    credentials: &Credentials,
    job: JobId,
    function: &str,
    output: &Value,
) -> Result<(), Fault> {
    let mut connection = connect(credentials).await?;
    let failed = |error| access::refusal(function, error);
    let mut tx = begin(&mut connection, job).await.map_err(failed)?;
    let first = sqlx::query(instance_database::HAND_OVER).bind(job.0).execute(&mut *tx).await.map_err(failed)?;
    if first.rows_affected() == 1 {
        let call = AssertSqlSafe(instance_database::call(function));
        sqlx::query(call).bind(job.0).bind(output).execute(&mut *tx).await.map_err(failed)?;
    }
    tx.commit().await.map_err(failed)
}

/// Calls the function with the id of `job` and the reason why it has ended without success; once for each `telling`, the
/// job that does it. `false` if the job has been run again since, and has succeeded.
pub(super) async fn tell_failure(
    credentials: &Credentials,
    telling: JobId,
    job: JobId,
    function: &str,
    reason: &str,
) -> Result<bool, Fault> {
    let mut connection = connect(credentials).await?;
    let failed = |error| access::refusal(function, error);
    let mut tx = begin(&mut connection, job).await.map_err(failed)?;
    let handed_over = sqlx::query_scalar(instance_database::IS_HANDED_OVER).bind(job.0).fetch_one(&mut *tx).await;
    if handed_over.map_err(failed)? {
        return Ok(false);
    }
    let first = sqlx::query(instance_database::HAND_OVER).bind(telling.0).execute(&mut *tx).await.map_err(failed)?;
    if first.rows_affected() == 1 {
        let call = AssertSqlSafe(instance_database::call_failure(function));
        sqlx::query(call).bind(job.0).bind(reason).execute(&mut *tx).await.map_err(failed)?;
    }
    tx.commit().await.map_err(failed)?;
    Ok(true)
}

/// As the product's role.
async fn connect(credentials: &Credentials) -> Result<PgConnection, Fault> {
    let url = credentials.app_database_url.as_deref();
    let url = url.ok_or_else(|| Fault::away("configurator does not say yet how the product's role logs in"))?;
    access::connect(url).await
}

/// A transaction in which nobody else tells the product of the job.
async fn begin(connection: &mut PgConnection, job: JobId) -> sqlx::Result<Transaction<'_, Postgres>> {
    let mut tx = connection.begin().await?;
    sqlx::query(instance_database::LOCK_JOB).bind(job.0).execute(&mut *tx).await?;
    Ok(tx)
}
