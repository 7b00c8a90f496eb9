//! How is a job of some kind and version done? One handler for each kind and version; a handler is removed only when no job needs it.

use crate::{
    app::App,
    instances,
    jobs::{model::Progress, queue, queue::Claimed},
};
use common::{db, problem::Chain};
use contracts::jobs::{MIGRATE_INSTANCE, SEED_INSTANCE};

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
}

impl Run<'_> {
    /// Notes how far the job has come. Only information: whether the job is still ours is for the heartbeat to find out.
    pub async fn note(&self, done: usize, total: usize, line: &str) {
        let progress =
            Progress { done: done.try_into().unwrap_or(u32::MAX), total: total.try_into().unwrap_or(u32::MAX) };
        if let Err(error) = self.write(progress, line).await {
            tracing::warn!(error = %Chain(&error), line, "A job's progress could not be noted");
        }
    }

    async fn write(&self, progress: Progress, line: &str) -> sqlx::Result<()> {
        let mut tx = db::begin_for(&self.app.pool, self.job.tenant()).await?;
        queue::note(&mut tx, self.job, progress, line).await?;
        tx.commit().await
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handler {
    MigrateInstanceV1,
    SeedInstanceV1,
}

const HANDLERS: &[(&str, i32, Handler)] =
    &[(MIGRATE_INSTANCE, 1, Handler::MigrateInstanceV1), (SEED_INSTANCE, 1, Handler::SeedInstanceV1)];

impl Handler {
    pub fn of(kind: &str, version: i32) -> Option<Self> {
        HANDLERS.iter().find(|(known, of, _)| (*known, *of) == (kind, version)).map(|(.., handler)| *handler)
    }

    /// Kinds and versions that have handlers, one for one.
    pub fn known() -> (Vec<String>, Vec<i32>) {
        HANDLERS.iter().map(|(kind, version, _)| ((*kind).to_owned(), *version)).unzip()
    }

    /// Does the work. It must bear being cut off anywhere and done again from the start.
    pub async fn run(self, run: &Run<'_>) -> Result<(), Fault> {
        match self {
            Self::MigrateInstanceV1 => instances::migrate::run(run).await,
            Self::SeedInstanceV1 => instances::seed::run(run).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_and_version_has_one_handler() {
        for (kind, version, handler) in HANDLERS {
            assert_eq!(Handler::of(kind, *version), Some(*handler));
        }
        assert_eq!(Handler::of(MIGRATE_INSTANCE, 2), None);
        assert_eq!(Handler::of("instance.unheard", 1), None);
    }
}
