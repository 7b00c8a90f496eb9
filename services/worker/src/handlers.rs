//! The handlers of jobs: how is a job of some kind and version done? A new kind is a [`Handle`] for its type and a line
//! in [`HANDLERS`]; a handler is removed only when no job needs it.

use crate::{
    config::Settings,
    jobs::{
        lease_store,
        model::{Claimed, KindAndVersion},
        view::Progress,
    },
};
use common::{db::TenantScope, problem::Chain};
use contracts::jobs::{Job, MigrateInstance, RunCommand, SeedInstance, TellFailure};
use futures_util::future::BoxFuture;
use objects::Bucket;
use serde_json::Value;
use service_kit::Kit;
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// Longest reason that is kept and told, in characters; a message must stay below 256 KiB.
const LONGEST_REASON: usize = 2_000;

/// Why an attempt did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Something that is needed is away, for which the job can do nothing: it is tried again, and this was no attempt.
    #[error("{0}")]
    Away(String),
    /// It may work later: the job is tried again, a number of times.
    #[error("{0}")]
    Transient(String),
    /// It will never work as it is: the job fails.
    #[error("{0}")]
    Permanent(String),
    /// There is nothing to do yet: the job is tried again after this time, and this was no attempt.
    #[error("{1}")]
    Snooze(Duration, String),
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

    pub fn snooze(wait: Duration, reason: impl Into<String>) -> Self {
        Self::Snooze(wait, tidy(reason.into()))
    }
}

/// A reason that the database takes: not too long, without NUL characters.
fn tidy(reason: String) -> String {
    reason.chars().filter(|c| *c != '\0').take(LONGEST_REASON).collect()
}

/// Lines that one attempt may write into its job's log; later ones are left out.
const MOST_LINES: u32 = 500;

/// One attempt at a job, as its handler sees it.
pub struct Run<'a> {
    pub kit: &'a Kit,
    pub settings: &'a Settings,
    /// Where the objects of its product's instances lie.
    pub bucket: Option<&'a Bucket>,
    pub job: &'a Claimed,
    /// Whose job it is.
    pub tenant: TenantScope,
    /// Written so far.
    pub(crate) lines: AtomicU32,
}

impl Run<'_> {
    /// Notes how far the job has come. Only information: whether the job is still ours is for the heartbeat to find
    /// out.
    pub async fn note(&self, done: usize, total: usize, line: &str) {
        let progress =
            Progress { done: done.try_into().unwrap_or(u32::MAX), total: total.try_into().unwrap_or(u32::MAX) };
        self.write(Some(progress), line).await;
    }

    /// Adds a line to the job's log, of which 2,000 characters are kept.
    pub async fn log(&self, line: &str) {
        self.write(None, line).await;
    }

    async fn write(&self, progress: Option<Progress>, line: &str) {
        let line = (self.lines.fetch_add(1, Ordering::Relaxed) < MOST_LINES).then(|| tidy(line.to_owned()));
        let written = async {
            let mut tx = self.tenant.begin().await?;
            lease_store::note(&mut tx, self.job, progress, line.as_deref()).await?;
            tx.commit().await
        };
        if let Err(error) = written.await {
            tracing::warn!(error = %Chain(&error), line, "A job's progress could not be noted");
        }
    }
}

/// Does jobs of one kind and version.
pub trait Handle: Job {
    /// Longest time for one attempt; what hangs must not hold its slot for ever.
    const LONGEST: Duration = Duration::from_secs(3600);

    /// Does the work; gives what is to be kept as the job's output. It must bear being cut off anywhere and done again
    /// from the start.
    fn handle(self, run: &Run<'_>) -> impl Future<Output = Result<Option<Value>, Fault>> + Send;
}

/// What this worker can do.
pub static HANDLERS: &[Handler] = &[
    Handler::of::<MigrateInstance>(),
    Handler::of::<SeedInstance>(),
    Handler::of::<RunCommand>(),
    Handler::of::<TellFailure>(),
];

/// A handler of a type that is not known any more: it reads its payload from the job.
type Work = for<'a> fn(&'a Run<'a>) -> BoxFuture<'a, Result<Option<Value>, Fault>>;

/// The handler of one kind and version.
#[derive(Clone, Debug)]
pub struct Handler {
    pub kind: &'static str,
    pub version: u32,
    /// The services that may order it.
    pub ordered_by: &'static [&'static str],
    pub(crate) longest: Duration,
    run: Work,
}

impl Handler {
    pub const fn of<J: Handle>() -> Self {
        Self { kind: J::KIND, version: J::VERSION, ordered_by: J::ORDERED_BY, longest: J::LONGEST, run: handle::<J> }
    }

    pub(crate) fn find(handlers: &'static [Self], kind: &str, version: u32) -> Option<&'static Self> {
        handlers.iter().find(|handler| (handler.kind, handler.version) == (kind, version))
    }

    pub(crate) fn does(&self) -> KindAndVersion {
        (self.kind, self.version)
    }

    pub(crate) async fn run(&self, run: &Run<'_>) -> Result<Option<Value>, Fault> {
        (self.run)(run).await
    }
}

fn handle<'a, J: Handle>(run: &'a Run<'a>) -> BoxFuture<'a, Result<Option<Value>, Fault>> {
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
            let found = Handler::find(HANDLERS, handler.kind, handler.version).unwrap();
            assert!(std::ptr::eq(found, handler), "{}", handler.kind);
        }
        assert!(Handler::find(HANDLERS, MigrateInstance::KIND, 2).is_none());
        assert!(Handler::find(HANDLERS, "instance.unheard", 1).is_none());
    }
}
