//! One attempt at a job: it ends, is put off, is handed back, or was lost to another worker.

use crate::{
    handlers::{Fault, Handler, Run},
    jobs::{
        lease_store,
        model::{MOST_ATTEMPTS, MOST_TAKEOVERS, WAITS},
    },
};
use common::problem::Chain;
use contracts::{
    id::InstanceId,
    messages::{JobFinished, JobOutcome},
};
use futures_util::FutureExt;
use messaging::OutboxError;
use std::{panic::AssertUnwindSafe, time::Duration};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Heartbeats per lease, so that one may fail without losing the job.
const HEARTBEATS: u32 = 3;
/// Longest time for one attempt; what hangs must not hold its slot for ever.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(3600);
/// Pause before the end of a job is written again, after the database was away.
const REWRITE_PAUSE: Duration = Duration::from_millis(500);
/// Longest time for handing a job back while the process stops; the lease ends by itself otherwise.
const HAND_BACK: Duration = Duration::from_secs(3);

/// Runs one job until it is settled, lost, or `give_up` orders to hand it back. Never panics, whatever the handler
/// does.
pub(crate) async fn run(run: &Run<'_>, give_up: &CancellationToken) {
    let started = Instant::now();
    let outcome = tokio::select! {
        biased;
        outcome = work(run) => outcome,
        lost = keep(run) => match lost {
            Lost::Taken => "lost",
            Lost::CutOff => tokio::select! {
                outcome = hand_back_late(run) => outcome,
                () = give_up.cancelled() => "abandoned",
            },
        },
        () = give_up.cancelled() => hand_back(run).await,
    };
    tracing::info!(
        outcome,
        attempt = run.job.attempts,
        duration_ms = started.elapsed().as_millis() as u64,
        "A job's attempt is over"
    );
    metrics::counter!("job_attempts_total", "kind" => run.job.kind.clone(), "outcome" => outcome).increment(1);
}

async fn work(run: &Run<'_>) -> &'static str {
    let result = handle(run).await;
    loop {
        match settle(run, &result).await {
            Ok(outcome) => return outcome,
            Err(error) => tracing::warn!(error = %Chain(&error), "How a job ended could not be written yet"),
        }
        sleep(REWRITE_PAUSE).await;
    }
}

async fn handle(run: &Run<'_>) -> Result<(), Fault> {
    if run.job.takeovers > MOST_TAKEOVERS {
        return Err(Fault::permanent(format!("{} workers died of it or were cut off from it", run.job.takeovers)));
    }
    let handler = Handler::find(&run.job.kind, run.job.version.unsigned_abs())
        .ok_or_else(|| Fault::away("this worker has no handler for it"))?;
    let attempt = AssertUnwindSafe(handler.run(run)).catch_unwind();
    match timeout(LONGEST_ATTEMPT, attempt).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Fault::permanent("the handler panicked")),
        Err(_) => Err(Fault::permanent(format!("it took longer than {} s", LONGEST_ATTEMPT.as_secs()))),
    }
}

/// Writes how the attempt ended, together with the message that says so.
async fn settle(run: &Run<'_>, result: &Result<(), Fault>) -> Result<&'static str, OutboxError> {
    let (outcome, ours) = match result {
        Ok(()) => ("succeeded", finish(run, None).await?),
        Err(Fault::Away(reason)) => {
            ("put off", put_off(run, WAITS.ceiling(run.job.outages.unsigned_abs() + 1), reason, true).await?)
        }
        Err(Fault::Transient(reason)) if run.job.attempts < MOST_ATTEMPTS => {
            ("put off", put_off(run, WAITS.ceiling(run.job.attempts.unsigned_abs()), reason, false).await?)
        }
        Err(Fault::Transient(reason)) => {
            ("failed", finish(run, Some(&format!("given up after {} attempts: {reason}", run.job.attempts))).await?)
        }
        Err(Fault::Permanent(reason)) => ("failed", finish(run, Some(reason)).await?),
    };
    Ok(if ours { outcome } else { "lost" })
}

async fn put_off(run: &Run<'_>, wait: Duration, reason: &str, outage: bool) -> sqlx::Result<bool> {
    tracing::warn!(reason, wait_s = wait.as_secs(), outage, "A job is put off");
    let mut tx = run.tenant.begin().await?;
    let ours = lease_store::postpone(&mut tx, run.job, wait, reason, outage).await?;
    tx.commit().await?;
    Ok(ours)
}

async fn finish(run: &Run<'_>, failure: Option<&str>) -> Result<bool, OutboxError> {
    let mut tx = run.tenant.begin().await?;
    if !lease_store::finish(&mut tx, run.job, failure).await? {
        return Ok(false);
    }
    if let Some(reason) = failure {
        tracing::warn!(reason, "A job has failed");
    }
    let outcome = if failure.is_some() { JobOutcome::Failed } else { JobOutcome::Succeeded };
    let instance_id = run.job.instance_id.map(InstanceId);
    let finished = JobFinished {
        job_id: run.job.id,
        kind: run.job.kind.clone(),
        instance_id,
        outcome,
        reason: failure.map(str::to_owned),
        run: run.job.run.unsigned_abs(),
    };
    messaging::publish(&mut tx, &finished).await?;
    tx.commit().await?;
    Ok(true)
}

/// Why a job is no longer worked on.
enum Lost {
    /// Somebody else has it.
    Taken,
    /// Somebody else may have it: its lease could not be extended in time.
    CutOff,
}

/// Extends the lease again and again; ends only when the job is somebody else's, or may be.
async fn keep(run: &Run<'_>) -> Lost {
    let lease = run.app.settings.job_lease;
    let mut ours_until = Instant::now() + lease;
    loop {
        sleep(lease / HEARTBEATS).await;
        let asked = Instant::now();
        let left = ours_until.saturating_duration_since(asked);
        match timeout(left, extend(run)).await {
            Ok(Ok(true)) => ours_until = asked + lease,
            Ok(Ok(false)) => return Lost::Taken,
            Err(_) => return Lost::CutOff,
            Ok(Err(error)) => tracing::warn!(error = %Chain(&error), "A job's lease could not be extended"),
        }
    }
}

async fn extend(run: &Run<'_>) -> sqlx::Result<bool> {
    let mut tx = run.tenant.begin().await?;
    let ours = lease_store::extend(&mut tx, run.job, run.app.settings.job_lease).await?;
    tx.commit().await?;
    Ok(ours)
}

/// Hands the job back as soon as the database can be reached again, if nobody has taken it over: the outage was no
/// attempt of the job's.
async fn hand_back_late(run: &Run<'_>) -> &'static str {
    loop {
        match queue_again(run, "the database was away").await {
            Ok(true) => return "handed back",
            Ok(false) => return "lost",
            Err(_) => sleep(REWRITE_PAUSE).await,
        }
    }
}

async fn hand_back(run: &Run<'_>) -> &'static str {
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
