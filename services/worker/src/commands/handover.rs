//! What a command gave comes into the instance's database: its manifest names a function, which is called by the
//! product's own role, in one transaction with a row that says so.

use crate::{handlers::Fault, instances::access};
use contracts::{http::instances::Credentials, id::JobId, instance_database};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection};

/// Calls the function with the job's id and what it gave; once, however often the job is tried.
pub(super) async fn hand_over(
    credentials: &Credentials,
    job: JobId,
    function: &str,
    output: &Value,
) -> Result<(), Fault> {
    let url = credentials.app_database_url.as_deref();
    let url = url.ok_or_else(|| Fault::away("configurator does not say yet how the product's role logs in"))?;
    let mut connection = access::connect(url).await?;
    let failed = |error| access::refusal(function, error);
    let mut tx = connection.begin().await.map_err(failed)?;
    let first = sqlx::query(instance_database::HAND_OVER).bind(job.0).execute(&mut *tx).await.map_err(failed)?;
    if first.rows_affected() == 1 {
        let call = AssertSqlSafe(instance_database::call(function));
        sqlx::query(call).bind(job.0).bind(output).execute(&mut *tx).await.map_err(failed)?;
    }
    tx.commit().await.map_err(failed)
}
