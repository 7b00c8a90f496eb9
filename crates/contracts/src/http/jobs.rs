//! What configurator asks the worker.

use crate::id::{InstanceId, JobId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Answer of `GET /internal/jobs/{id}`: a job as the service that ordered it may ask for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobProgress {
    pub job_id: JobId,
    #[cfg_attr(feature = "openapi", schema(example = "instance.migrate"))]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// Never `snoozed`, which counts as `queued` here, nor `cancelled`, which counts as `failed`: configurators of the
    /// version before know neither.
    pub state: JobState,
    /// As in `worker.job.finished.v1`: 1, and one more each time an operator has it run again.
    #[cfg_attr(feature = "openapi", schema(example = 1))]
    pub run: u32,
    /// Why the last attempt did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// It is queued, and the worker that answers here has no handler or no bundle for it: one that has must come.
    pub left_to_others: bool,
}

/// State of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(type_name = "text", rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits to be begun.
    Queued,
    /// Waits until a time, as it was put off or ordered for later.
    Snoozed,
    /// A worker has it under a lease.
    Running,
    Succeeded,
    /// Will not be run again by itself; `last_error` says why.
    Failed,
    /// Will not be run again by itself, as somebody has cancelled it.
    Cancelled,
}
