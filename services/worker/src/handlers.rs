//! The handlers of jobs: how is a job of some kind and version done? A new kind is a [`Handle`] for its type and a line
//! in [`HANDLERS`]; a handler is removed only when no job needs it.

use crate::{
    app::App,
    jobs::{
        lease_store,
        model::{Claimed, KindAndVersion, Progress},
    },
};
use common::{db::TenantScope, problem::Chain};
use contracts::jobs::{Job, MigrateInstance, SeedInstance};
use futures_util::future::BoxFuture;

/// Longest reason that is kept and told, in characters; a message must stay below 256 KiB.
const LONGEST_REASON: usize = 2_000;

/// Why an attempt did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Something that is needed is away, for which the job can do nothing: it is tried again, and this was no attempt.
    #[error("{0}")]
    Away(String),
    /// It may work later: the job is tried again, a number of times.
    #[error("{0}")]
    Transient(String),
    /// It will never work as it is: the job fails.
    #[error("{0}")]
    Permanent(String),
}

impl Fault {
    pub fn away(reason: impl Into<String>) -> Self {
        Self::Away(tidy(reason.into()))
    }

    pub fn transient(reason: impl Into<String>) -> Self {
        Self::Transient(tidy(reason.into()))
    }

    pub fn permanent(reason: impl Into<String>) -> Self {
        Self::Permanent(tidy(reason.into()))
    }
}

/// A reason that the database takes: not too long, without NUL characters.
fn tidy(reason: String) -> String {
    reason.chars().filter(|c| *c != '\0').take(LONGEST_REASON).collect()
}

/// One attempt at a job, as its handler sees it.
pub(crate) struct Run<'a> {
    pub app: &'a App,
    pub job: &'a Claimed,
    /// Whose job it is.
    pub tenant: TenantScope,
}

impl Run<'_> {
    /// Notes how far the job has come. Only information: whether the job is still ours is for the heartbeat to find
    /// out.
    pub async fn note(&self, done: usize, total: usize, line: &str) {
        let progress =
            Progress { done: done.try_into().unwrap_or(u32::MAX), total: total.try_into().unwrap_or(u32::MAX) };
        if let Err(error) = self.write(progress, line).await {
            tracing::warn!(error = %Chain(&error), line, "A job's progress could not be noted");
        }
    }

    async fn write(&self, progress: Progress, line: &str) -> sqlx::Result<()> {
        let mut tx = self.tenant.begin().await?;
        lease_store::note(&mut tx, self.job, progress, line).await?;
        tx.commit().await
    }
}

/// Does jobs of one kind and version.
pub(crate) trait Handle: Job {
    /// Does the work. It must bear being cut off anywhere and done again from the start.
    fn handle(self, run: &Run<'_>) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// What this worker can do.
pub(crate) static HANDLERS: &[Handler] = &[Handler::of::<MigrateInstance>(), Handler::of::<SeedInstance>()];

/// The kinds and versions of [`HANDLERS`].
pub(crate) fn known() -> Vec<KindAndVersion> {
    HANDLERS.iter().map(|handler| (handler.kind, handler.version)).collect()
}

/// The handler of one kind and version.
pub(crate) struct Handler {
    pub kind: &'static str,
    pub version: u32,
    pub ordered_by: &'static [&'static str],
    run: for<'a> fn(&'a Run<'a>) -> BoxFuture<'a, Result<(), Fault>>,
}

impl Handler {
    const fn of<J: Handle>() -> Self {
        Self { kind: J::KIND, version: J::VERSION, ordered_by: J::ORDERED_BY, run: handle::<J> }
    }

    pub fn find(kind: &str, version: u32) -> Option<&'static Self> {
        HANDLERS.iter().find(|handler| (handler.kind, handler.version) == (kind, version))
    }

    pub async fn run(&self, run: &Run<'_>) -> Result<(), Fault> {
        (self.run)(run).await
    }
}

fn handle<'a, J: Handle>(run: &'a Run<'a>) -> BoxFuture<'a, Result<(), Fault>> {
    Box::pin(async move {
        let job: J = serde_json::from_value(run.job.payload.clone())
            .map_err(|fault| Fault::permanent(format!("the payload does not fit: {fault}")))?;
        job.handle(run).await
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_and_version_has_one_handler() {
        for handler in HANDLERS {
            assert!(std::ptr::eq(Handler::find(handler.kind, handler.version).unwrap(), handler), "{}", handler.kind);
        }
        assert!(Handler::find(MigrateInstance::KIND, 2).is_none());
        assert!(Handler::find("instance.unheard", 1).is_none());
    }
}
