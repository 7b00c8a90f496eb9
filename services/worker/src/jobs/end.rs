//! The end of a job: what is written, and what is told.

use super::model::Claimed;
use common::trace::{self, TraceContext};
use contracts::{
    id::{InstanceId, JobId, TenantId},
    messages::{JobFinished, JobOutcome},
};
use messaging::About;
use serde_json::Value;
use uuid::Uuid;

/// How a job ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Succeeded(Option<Value>),
    /// With the reason, for people.
    Failed(String),
    Cancelled(String),
}

impl Verdict {
    pub fn cancelled_by(by: &str) -> Self {
        Self::Cancelled(format!("cancelled by {by}"))
    }

    /// Why it did not succeed, for people.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Succeeded(_) => None,
            Self::Failed(reason) | Self::Cancelled(reason) => Some(reason),
        }
    }

    /// The state that a job with this end is in.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Succeeded(_) => "succeeded",
            Self::Failed(_) => "failed",
            Self::Cancelled(_) => "cancelled",
        }
    }
}

/// The end of a job, to be written if it is still ours.
pub struct End {
    pub job_id: JobId,
    pub lease: Uuid,
    pub tenant: TenantId,
    pub kind: String,
    pub instance_id: Option<InstanceId>,
    pub run: u32,
    /// Other orders may have joined the job.
    pub unique: bool,
    pub verdict: Verdict,
    /// What its end is a part of.
    pub trace: Option<TraceContext>,
}

impl End {
    pub fn of(job: &Claimed, verdict: Verdict) -> Self {
        Self {
            job_id: job.id,
            lease: job.lease,
            tenant: job.tenant_id,
            kind: job.kind.clone(),
            instance_id: job.instance_id.map(InstanceId),
            run: job.run.unsigned_abs(),
            unique: job.unique,
            verdict,
            trace: trace::current(),
        }
    }

    /// What is told of it, under the id of one of its orders.
    pub fn told(&self, job_id: JobId) -> About<JobFinished> {
        let reason = self.verdict.reason().map(str::to_owned);
        let outcome = if reason.is_some() { JobOutcome::Failed } else { JobOutcome::Succeeded };
        let data = JobFinished {
            job_id,
            kind: self.kind.clone(),
            instance_id: self.instance_id,
            outcome,
            reason,
            run: self.run,
            cancelled: matches!(self.verdict, Verdict::Cancelled(_)),
        };
        About { tenant: self.tenant, trace: self.trace, data }
    }
}
