//! How an attempt is settled: what is written of it, and what is told.

use crate::{
    ends::{Ends, NotWritten},
    handlers::{Fault, Run},
    jobs::{
        end::{End, Verdict},
        lease_store::{self, Again},
        model::{MOST_ATTEMPTS, WAITS},
    },
};
use common::problem::Chain;
use messaging::OutboxError;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Pause before the end of a job is written again, after the database was away.
const REWRITE_PAUSE: Duration = Duration::from_millis(500);
/// Longest time for handing a job back while the process stops; the lease ends by itself otherwise.
const HAND_BACK: Duration = Duration::from_secs(3);
/// Longest time that a handler can put its job off at once.
const LONGEST_SNOOZE: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Debug, thiserror::Error)]
enum NotSettled {
    #[error(transparent)]
    End(#[from] NotWritten),
    #[error("the wait cannot be written")]
    Wait(#[from] sqlx::Error),
}

impl NotSettled {
    /// Whether the database would refuse the same again and again: its classes 22 (what is no value of its type) and 23
    /// (what breaks a constraint), and what does not fit the schema of its message.
    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn is_final(&self) -> bool {
        let error = match self {
            Self::Wait(error) => error,
            Self::End(NotWritten::Refused(refusal)) => match &**refusal {
                OutboxError::Database(error) => error,
                OutboxError::Serialize(_) | OutboxError::Unfit(_) => return true,
            },
            Self::End(NotWritten::Stopped) => return false,
        };
        let code = error.as_database_error().and_then(|error| error.code());
        code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
    }
}

/// Writes how the attempt ended; an end together with the message that says so.
async fn settle(run: &Run<'_>, ends: &Ends, result: &Result<Option<Value>, Fault>) -> Result<&'static str, NotSettled> {
    let job = run.job;
    match result {
        Ok(output) => write(run, ends, Verdict::Succeeded(output.clone())).await,
        Err(Fault::Away(reason)) => {
            put_off(run, WAITS.ceiling(job.outages.unsigned_abs() + 1), reason, Again::Outage).await
        }
        Err(Fault::Snooze(wait, reason)) => put_off(run, (*wait).min(LONGEST_SNOOZE), reason, Again::Snooze).await,
        Err(Fault::Transient(reason)) if job.attempts < MOST_ATTEMPTS => {
            put_off(run, WAITS.ceiling(job.attempts.unsigned_abs()), reason, Again::Fault).await
        }
        Err(Fault::Transient(reason)) => {
            write(run, ends, Verdict::Failed(format!("given up after {} attempts: {reason}", job.attempts))).await
        }
        Err(Fault::Permanent(reason)) => write(run, ends, Verdict::Failed(reason.clone())).await,
    }
}

/// Settles the attempt, however long it takes. What the database will never take becomes a failure without it; if it
/// does not take that either, the lease ends by itself.
pub(super) async fn settle_at_last(
    run: &Run<'_>,
    ends: &Ends,
    mut result: Result<Option<Value>, Fault>,
) -> &'static str {
    let mut replaced = false;
    loop {
        match settle(run, ends, &result).await {
            Ok(outcome) => return outcome,
            Err(error) if error.is_final() && replaced => {
                tracing::error!(error = %Chain(&error), "The database refuses a job's end; its lease will end");
                return "abandoned";
            }
            Err(error) if error.is_final() => {
                tracing::error!(error = %Chain(&error), "The database refuses a job's end, which becomes a failure");
                result = Err(Fault::permanent("what came of it is refused by the worker's database"));
                replaced = true;
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "How a job ended could not be written yet");
                sleep(REWRITE_PAUSE).await;
            }
        }
    }
}

/// Writes that somebody has cancelled the job until it is written.
pub(super) async fn end_cancelled(run: &Run<'_>, ends: &Ends, by: &str) -> &'static str {
    loop {
        match write(run, ends, Verdict::cancelled_by(by)).await {
            Ok(outcome) => return outcome,
            Err(error) => tracing::warn!(error = %Chain(&error), "How a job ended could not be written yet"),
        }
        sleep(REWRITE_PAUSE).await;
    }
}

async fn write(run: &Run<'_>, ends: &Ends, verdict: Verdict) -> Result<&'static str, NotSettled> {
    let outcome = verdict.state();
    if let Verdict::Failed(reason) = &verdict {
        tracing::warn!(reason, "A job has failed");
    }
    Ok(if ends.write(End::of(run.job, verdict)).await? { outcome } else { "lost" })
}

async fn put_off(run: &Run<'_>, wait: Duration, reason: &str, why: Again) -> Result<&'static str, NotSettled> {
    let outcome = if why == Again::Snooze { "snoozed" } else { "put off" };
    tracing::warn!(reason, wait_s = wait.as_secs(), outage = why == Again::Outage, "A job is put off");
    let mut tx = run.tenant.begin().await?;
    let ours = lease_store::postpone(&mut tx, run.job, wait, reason, why).await?;
    tx.commit().await?;
    Ok(if ours { outcome } else { "lost" })
}

/// Hands the job back as soon as the database can be reached again, if nobody has taken it over: the outage was no
/// attempt of the job's.
pub(super) async fn hand_back_late(run: &Run<'_>) -> &'static str {
    loop {
        match queue_again(run, "the database was away").await {
            Ok(true) => return "handed back",
            Ok(false) => return "lost",
            Err(_) => sleep(REWRITE_PAUSE).await,
        }
    }
}

pub(super) async fn hand_back(run: &Run<'_>) -> &'static str {
    match timeout(HAND_BACK, queue_again(run, "the worker stops")).await {
        Ok(Ok(true)) => return "handed back",
        Ok(Ok(false)) => return "lost",
        Ok(Err(error)) => tracing::warn!(error = %Chain(&error), "A job could not be handed back; its lease will end"),
        Err(_) => tracing::warn!("A job could not be handed back in time; its lease will end"),
    }
    "abandoned"
}

async fn queue_again(run: &Run<'_>, why: &str) -> sqlx::Result<bool> {
    let mut tx = run.tenant.begin().await?;
    let ours = lease_store::hand_back(&mut tx, run.job, why).await?;
    tx.commit().await?;
    Ok(ours)
}
