//! Connections to an instance's database, by credentials that configurator hands out for each attempt; they are never
//! kept, logged or told.

use crate::handlers::{Fault, Run};
use access::client::ClientError;
use common::problem::{self, Chain};
use contracts::{http::instances::Credentials, id::InstanceId};
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use std::{str::FromStr, time::Duration};
use tokio::time::timeout;

/// SQLSTATEs of what may work later: serialization failure, deadlock, lock not available, statement cancelled.
const PASSING: [&str; 4] = ["40001", "40P01", "55P03", "57014"];
/// Time to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// PostgreSQL looks every second whether the worker is still there, also while a statement runs, so that what a killed
/// worker had begun is rolled back at once; a worker that is frozen or cut off loses its locks within the half minute
/// that the next one waits.
const SESSION: &[(&str, &str)] = &[
    ("client_connection_check_interval", "1s"),
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "2"),
    ("tcp_keepalives_count", "3"),
    ("idle_in_transaction_session_timeout", "20s"),
    ("idle_session_timeout", "20s"),
    ("lock_timeout", "30s"),
];

/// An open connection to an instance's database, as its owner.
pub(super) struct Opened {
    pub connection: PgConnection,
    /// The role under which the product uses the database.
    pub app_role: String,
}

/// Connects to the database of `instance`, which must be of the tenant whose job it is.
pub(super) async fn open(run: &Run<'_>, instance: InstanceId) -> Result<Opened, Fault> {
    let Credentials { database_url, app_role, .. } = fetch(run, instance).await?;
    if !is_role(&app_role) {
        return Err(Fault::permanent("the credentials name a role that is not a plain name"));
    }
    Ok(Opened { connection: connect(&database_url).await?, app_role })
}

/// Connects to an instance's database.
pub(crate) async fn connect(database_url: &str) -> Result<PgConnection, Fault> {
    let options = PgConnectOptions::from_str(database_url)
        .map_err(|_| Fault::permanent("the credentials are not a PostgreSQL URL"))?;
    // Statements of a bundle are not for the log.
    let options =
        options.application_name("sevenleague-worker").options(SESSION.iter().copied()).disable_statement_logging();
    let connection = timeout(CONNECT_TIMEOUT, options.connect())
        .await
        .map_err(|_| Fault::away("the instance's database does not answer"))?;
    connection.map_err(|error| Fault::away(format!("the instance's database cannot be reached: {}", Chain(&error))))
}

/// The credentials of `instance`, if it is of the tenant whose job it is: an order could name anybody's.
pub(crate) async fn fetch(run: &Run<'_>, instance: InstanceId) -> Result<Credentials, Fault> {
    let url = format!("{}/internal/instances/{instance}/credentials", run.settings.configurator_url);
    let credentials: Credentials = run.kit.client.get(&url).await.map_err(|error| match error {
        ClientError::Refused(problem) if matches!(problem.status.as_u16(), 404 | 410) => {
            Fault::permanent("configurator knows no such instance")
        }
        error if is_outage(&error) => Fault::away(format!("configurator gives no credentials: {}", Chain(&error))),
        error => Fault::transient(format!("configurator gives no credentials: {}", Chain(&error))),
    })?;
    if credentials.tenant_id.is_some_and(|of| of != run.job.tenant_id) {
        return Err(Fault::permanent("the instance is not the tenant's whose job it is"));
    }
    Ok(credentials)
}

/// Whether configurator, or auth whose token it asks for, could not be reached or could serve nobody.
fn is_outage(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable(_) => true,
        ClientError::Refused(problem) => {
            problem.status.is_server_error() || matches!(problem.status.as_u16(), 401 | 408 | 429)
        }
    }
}

/// A name that can stand between double quotes.
fn is_role(name: &str) -> bool {
    !name.is_empty() && name.len() <= 63 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A statement that PostgreSQL refuses will be refused again; everything else may pass. The detail is left out, as it
/// can quote rows.
pub(crate) fn refusal(what: &str, error: sqlx::Error) -> Fault {
    if problem::is_outage(&error) {
        return Fault::away(format!("{what}: {error}"));
    }
    let passing =
        error.as_database_error().and_then(|error| error.code()).is_some_and(|code| PASSING.contains(&code.as_ref()));
    match &error {
        sqlx::Error::Database(refusal) if !passing => {
            let code = refusal.code().unwrap_or_default();
            Fault::permanent(format!("{what}: {} (SQLSTATE {code})", refusal.message()))
        }
        _ => Fault::transient(format!("{what}: {error}")),
    }
}
