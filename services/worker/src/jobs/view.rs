//! A job as operators see it. The payload stays inside, as settings may be personal.

use chrono::{DateTime, Utc};
use contracts::http::jobs::JobState;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LogLine {
    #[serde(skip)]
    pub id: i64,
    pub at: DateTime<Utc>,
    pub text: String,
}

/// Why a job that could be begun is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum WaitsFor {
    /// The worker that answers here has no handler or no bundle for it: one that has must come.
    OtherWorker,
    /// It was put off, or ordered for later, until `run_after`.
    Time,
    /// As many jobs of its kind as the tenant's rate allows were begun just now.
    Rate,
    /// The tenant's jobs of this day (UTC) are used up.
    Budget,
    /// Its turn: a worker with a free slot takes it.
    Slot,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Job {
    pub id: Uuid,
    #[schema(example = "instance.migrate")]
    pub kind: String,
    /// Version of the handler that it needs.
    #[schema(example = 1)]
    pub version: i32,
    /// What it needs on the worker's disk: `<service>/<version>`.
    #[schema(example = "forum/1.0.0")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bundle: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<Uuid>,
    pub state: JobState,
    /// Why it is not begun; only while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<WaitsFor>,
    /// When that is over, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<DateTime<Utc>>,
    /// 1 is begun first and 9 last, among the tenant's jobs of its kind.
    #[schema(example = 5)]
    pub priority: i16,
    /// While it is not finished, another order of the kind with this key is the same job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_key: Option<String>,
    /// 1, and one more each time an operator has it run again.
    #[schema(example = 1)]
    pub run: i32,
    /// Starts, without those handed back by a worker that stopped, those that met an outage, and those that its handler
    /// put off.
    pub attempts: i32,
    /// Starts after a worker died or was cut off.
    pub takeovers: i32,
    /// It is not begun before.
    pub run_after: DateTime<Utc>,
    #[schema(value_type = Option<Progress>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Json<Progress>>,
    /// What it gave, at most 64 KiB; absent if that was handed over to its product.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Why the last attempt did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Who cancelled it, or wants it to end; a worker that runs it hears that at its next heartbeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<String>,
    pub created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// The worker that runs it, or ran it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// W3C Trace Context of the request that it was ordered in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// It is queued, and the worker that answers here has no handler or no bundle for it: one that has must come.
    pub left_to_others: bool,
}

/// How many jobs of a kind, version and bundle are not finished.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Waiting {
    /// Its place in the list.
    #[serde(skip)]
    pub key: String,
    #[schema(example = "instance.migrate")]
    pub kind: String,
    #[schema(example = 1)]
    pub version: i32,
    /// Empty for jobs that need none.
    #[schema(example = "forum/1.0.0")]
    pub bundle: String,
    pub queued: i64,
    pub snoozed: i64,
    pub running: i64,
    /// Order of the oldest of them.
    pub oldest_at: DateTime<Utc>,
    /// The worker that answers here has no handler or no bundle for them.
    pub left_to_others: bool,
}
