//! SQL of what stops all mail: a circuit breaker that all processes share. Times are the database's, as processes'
//! clocks differ.

use crate::ses::Refusal;
use chrono::{DateTime, Utc};
use common::db::CrossTenantTx;
use serde::Serialize;
use sqlx::postgres::types::PgInterval;
use utoipa::ToSchema;

/// Whether a process may send now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    Free,
    /// Mail is stopped, and this process tries whether it still has to be.
    Probe {
        failures: i32,
    },
    Stopped,
}

impl Permit {
    pub fn is_probe(self) -> bool {
        matches!(self, Self::Probe { .. })
    }
}

/// Asks for a permit. The prober gets `lease` for its one call; then somebody else may.
pub async fn permit(tx: &mut CrossTenantTx, lease: PgInterval) -> sqlx::Result<Permit> {
    let stopped =
        sqlx::query_scalar!(r#"SELECT stopped_at IS NOT NULL AS "stopped!" FROM sending"#).fetch_one(&mut **tx).await?;
    if !stopped {
        return Ok(Permit::Free);
    }
    let probing = sqlx::query_scalar!(
        "UPDATE sending SET next_attempt_at = now() + $1 WHERE stopped_at IS NOT NULL
         AND next_attempt_at <= now() RETURNING failures",
        lease
    );
    Ok(probing.fetch_optional(&mut **tx).await?.map_or(Permit::Stopped, |failures| Permit::Probe { failures }))
}

/// Stops all mail for `pause`; one who was under way when it was stopped already changes nothing. Says whether it left
/// until now.
pub async fn stop(
    tx: &mut CrossTenantTx,
    permit: Permit,
    ours: bool,
    refusal: &Refusal,
    pause: PgInterval,
) -> sqlx::Result<bool> {
    let stopped = sqlx::query_scalar!(
        r#"UPDATE sending
           SET stopped_at = coalesce(stopped_at, now()), ours_to_mend = $1, code = $2, reason = $3,
           failures = failures + 1,
                  next_attempt_at = now() + $4
           WHERE stopped_at IS NULL OR $5 RETURNING failures = 1 AS "first!""#,
        ours,
        refusal.code,
        refusal.reason,
        pause,
        permit.is_probe(),
    );
    Ok(stopped.fetch_optional(&mut **tx).await?.unwrap_or(false))
}

/// Lets mail leave again.
pub async fn resume(tx: &mut CrossTenantTx) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sending SET stopped_at = NULL, ours_to_mend = false, code = NULL, reason = NULL,
                  failures = 0, next_attempt_at = NULL"
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// `running`; `waiting` for something that passes by itself; `stopped` until somebody mends what is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = SendingState)]
pub enum State {
    Running,
    Waiting,
    Stopped,
}

/// Whether mail leaves, and what waits.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Sending {
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// SES's error code, or what the mailer calls the fault, such as `no_credentials`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When one mail is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Mails that wait to be sent.
    pub waiting: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_waiting_at: Option<DateTime<Utc>>,
    /// Mails that wait each for something of its own.
    pub held: i64,
    /// Mails of which nobody knows yet whether they left.
    pub unknown: i64,
}

pub async fn get(tx: &mut CrossTenantTx) -> sqlx::Result<Sending> {
    sqlx::query_as!(
        Sending,
        r#"SELECT CASE WHEN stopped_at IS NULL THEN 'running' WHEN ours_to_mend THEN 'stopped'
           ELSE 'waiting' END AS "state!: State",
                  stopped_at AS since, code, reason, next_attempt_at,
                  waiting.count AS "waiting!", waiting.oldest AS oldest_waiting_at,
                  (SELECT count(*) FROM mails WHERE status = 'held') AS "held!",
                  (SELECT count(*) FROM mails WHERE status = 'unknown') AS "unknown!"
           FROM sending, (SELECT count(*), min(created_at) AS oldest FROM mails WHERE status = 'queued') waiting"#
    )
    .fetch_one(&mut **tx)
    .await
}
