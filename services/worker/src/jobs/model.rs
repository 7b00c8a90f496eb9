//! Rules of jobs: what is one, when is it tried again, and when is it given up?

use chrono::{DateTime, Utc};
use common::backoff::Backoff;
use contracts::{
    http::jobs::JobState,
    id::{JobId, TenantId},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a commit that queues jobs wakes the dispatcher for.
pub(crate) const WORK: &str = "jobs";
/// Jobs that name no bundle.
const NONE: &str = "";

/// Of a handler.
pub type KindAndVersion = (&'static str, u32);

/// A job that a transient fault of its own has stopped so often is given up: with the waits below, after some half an
/// hour.
pub const MOST_ATTEMPTS: i32 = 40;
/// A job that so many workers died of, or lost, is given up: it is the likely cause.
pub const MOST_TAKEOVERS: i32 = 5;

/// Waits after transient faults and outages. No jitter: the dispatcher's rate spreads them.
pub(crate) const WAITS: Backoff = Backoff { base: Duration::from_secs(1), factor: 2, cap: Duration::from_secs(60) };

/// How far a running job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// Steps that are done.
    #[schema(example = 3)]
    pub done: u32,
    /// Steps there are.
    #[schema(example = 7)]
    pub total: u32,
}

/// One line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    pub at: DateTime<Utc>,
    pub text: String,
}

/// A job as operators see it; the payload stays inside, as settings may be personal.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Job {
    pub id: Uuid,
    #[schema(example = "instance.migrate")]
    pub kind: String,
    /// Version of the handler that it needs.
    #[schema(example = 1)]
    pub version: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<Uuid>,
    pub state: JobState,
    /// 1, and one more each time an operator has it run again.
    #[schema(example = 1)]
    pub run: i32,
    /// Starts, without those handed back by a worker that stopped, and those that met an outage.
    pub attempts: i32,
    /// Starts after a worker died or was cut off.
    pub takeovers: i32,
    /// A queued job is not begun before.
    pub run_after: DateTime<Utc>,
    #[schema(value_type = Option<Progress>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Json<Progress>>,
    /// The newest 200 lines.
    #[schema(value_type = Vec<LogLine>)]
    pub log: Json<Vec<LogLine>>,
    /// Why the last attempt did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    pub created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// The worker that runs it, or ran it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// It is queued, and the worker that answers here has no handler or no bundle for it: one that has must come.
    pub left_to_others: bool,
}

/// Kinds, versions and bundles that go together, one for one, as queries take them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Can {
    pub kinds: Vec<String>,
    pub versions: Vec<i32>,
    /// `forum/1.0.0`
    pub bundles: Vec<String>,
}

impl Can {
    /// Every handler needs a bundle; a job that names none, or none that could be, it can only refuse.
    pub fn with(handlers: &[KindAndVersion], bundles: &[String]) -> Self {
        let mut can = Self::default();
        for (kind, version) in handlers {
            for bundle in bundles.iter().map(String::as_str).chain([NONE]) {
                can.kinds.push((*kind).to_owned());
                can.versions.push(version.cast_signed());
                can.bundles.push(bundle.to_owned());
            }
        }
        can
    }
}

/// A job that this process has taken.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub id: JobId,
    /// Proof that it is ours.
    pub lease: Uuid,
    pub kind: String,
    pub version: i32,
    /// Whose rows the job's transactions touch.
    pub tenant_id: TenantId,
    pub instance_id: Option<Uuid>,
    pub payload: Value,
    pub attempts: i32,
    pub takeovers: i32,
    /// How often in a row it was put off because something else was away.
    pub outages: i32,
    /// How often operators had it run again, and once more.
    pub run: i32,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_last_half_an_hour() {
        let whole: Duration = (1..MOST_ATTEMPTS.unsigned_abs()).map(|attempt| WAITS.ceiling(attempt)).sum();
        assert!(whole > Duration::from_secs(30 * 60), "{whole:?}");
    }
}
