//! The ends of jobs, written in groups: each commit has all that have come while the one before was under way, each
//! with its own verdict and its own message.

use crate::jobs::{end::End, end_store};
use common::{
    db::{Background, Db},
    problem::{Chain, is_outage},
};
use contracts::id::JobId;
use messaging::OutboxError;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Most ends a commit.
const MOST: usize = 500;
/// Ends that wait for the commit before; there are never more than slots.
const WAITING: usize = 1_000;

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
