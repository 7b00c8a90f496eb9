//! The ends of jobs, written in groups: each commit has all that have come while the one before was under way, each
//! with its own verdict and its own message.

use crate::jobs::{end_store, model::Claimed};
use common::{
    db::{Background, Db},
    problem::{Chain, is_outage},
    trace::{self, TraceContext},
};
use contracts::{
    id::{InstanceId, JobId, TenantId},
    messages::{JobFinished, JobOutcome},
};
use messaging::{About, OutboxError};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Most ends a commit.
const MOST: usize = 500;
/// Ends that wait for the commit before; there are never more than slots.
const WAITING: usize = 1_000;

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

/// The end could not be written yet.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum NotWritten {
    #[error("the end cannot be written")]
    Refused(#[source] Arc<OutboxError>),
    #[error("the writer of ends has stopped")]
    Stopped,
}

struct Waiting {
    end: End,
    answer: oneshot::Sender<Result<bool, NotWritten>>,
}

/// Where attempts bring their ends; cheap to clone.
#[derive(Clone)]
pub(crate) struct Ends(mpsc::Sender<Waiting>);

impl Ends {
    /// With what writes them, which runs until the last clone is dropped.
    pub fn new(db: Db, background: Background) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, mut waiting) = mpsc::channel(WAITING);
        let writer = async move {
            let mut group = Vec::new();
            while waiting.recv_many(&mut group, MOST).await > 0 {
                write_group(&db, background, std::mem::take(&mut group)).await;
            }
        };
        (Self(sender), writer)
    }

    /// Writes the end and the message that tells it; `false` means that the job was no longer ours.
    pub async fn write(&self, end: End) -> Result<bool, NotWritten> {
        let (answer, verdict) = oneshot::channel();
        self.0.send(Waiting { end, answer }).await.map_err(|_| NotWritten::Stopped)?;
        verdict.await.unwrap_or(Err(NotWritten::Stopped))
    }
}

/// One that the database refuses takes none with it.
async fn write_group(db: &Db, background: Background, group: Vec<Waiting>) {
    match write(db, background, &group).await {
        Ok(ours) => group.into_iter().for_each(|waiting| {
            let is_ours = ours.contains(&waiting.end.job_id);
            drop(waiting.answer.send(Ok(is_ours)));
        }),
        Err(error) if group.len() > 1 && !matches!(&error, OutboxError::Database(error) if is_outage(error)) => {
            tracing::warn!(error = %Chain(&error), ends = group.len(), "Ends of jobs are written one by one");
            for waiting in group {
                Box::pin(write_group(db, background, vec![waiting])).await;
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            group.into_iter().for_each(|waiting| {
                drop(waiting.answer.send(Err(NotWritten::Refused(error.clone()))));
            });
        }
    }
}

/// The jobs that were ours, and have ended now.
async fn write(db: &Db, background: Background, group: &[Waiting]) -> Result<Vec<JobId>, OutboxError> {
    let mut tx = background.begin_across_tenants(db).await?;
    let ends: Vec<_> = group.iter().map(|waiting| &waiting.end).collect();
    let ours = end_store::finish(&mut tx, &ends).await?;
    end_store::tell(&mut tx, ends.into_iter().filter(|end| ours.contains(&end.job_id))).await?;
    tx.commit().await?;
    Ok(ours)
}
