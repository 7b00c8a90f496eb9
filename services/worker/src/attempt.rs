//! One attempt at a job: it ends, is put off, is handed back, or was lost to another worker.

mod settle;

use crate::{
    ends::Ends,
    handlers::{Fault, Handler, Run},
    jobs::{lease_store, model::MOST_TAKEOVERS},
};
use common::problem::Chain;
use futures_util::FutureExt;
use messaging::schema;
use serde_json::Value;
use settle::{end_cancelled, hand_back, hand_back_late, settle_at_last};
use std::panic::AssertUnwindSafe;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Heartbeats per lease, so that one may fail without losing the job.
const HEARTBEATS: u32 = 3;
/// Bytes of a job's output that are kept, as JSON.
pub(crate) const LARGEST_OUTPUT: usize = 64 * 1024;

/// Runs one job until it is settled, lost, or `give_up` orders to hand it back. Never panics, whatever the handler
/// does.
pub(crate) async fn run(run: &Run<'_>, handler: Option<&Handler>, ends: &Ends, give_up: &CancellationToken) {
    let started = Instant::now();
    let outcome = tokio::select! {
        biased;
        outcome = work(run, handler, ends) => outcome,
        lost = keep(run) => tokio::select! {
            outcome = let_go(run, ends, lost) => outcome,
            () = give_up.cancelled() => "abandoned",
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

async fn work(run: &Run<'_>, handler: Option<&Handler>, ends: &Ends) -> &'static str {
    if let Some(by) = &run.job.cancelled_by {
        return end_cancelled(run, ends, by).await;
    }
    let result = handle(run, handler).await;
    settle_at_last(run, ends, result).await
}

async fn handle(run: &Run<'_>, handler: Option<&Handler>) -> Result<Option<Value>, Fault> {
    if run.job.takeovers > MOST_TAKEOVERS {
        return Err(Fault::permanent(format!("{} workers died of it or were cut off from it", run.job.takeovers)));
    }
    let handler = handler.ok_or_else(|| Fault::away("this worker has no handler for it"))?;
    let attempt = AssertUnwindSafe(handler.run(run)).catch_unwind();
    match timeout(handler.longest, attempt).await {
        Ok(Ok(Ok(output))) => kept(output),
        Ok(Ok(Err(fault))) => Err(fault),
        Ok(Err(_)) => Err(Fault::permanent("the handler panicked")),
        Err(_) => Err(Fault::permanent(format!("it took longer than {} s", handler.longest.as_secs()))),
    }
}

/// An output that the database takes.
fn kept(output: Option<Value>) -> Result<Option<Value>, Fault> {
    if output.as_ref().is_some_and(|output| output.to_string().len() > LARGEST_OUTPUT) {
        return Err(Fault::permanent(format!("its output is larger than {LARGEST_OUTPUT} bytes")));
    }
    if output.as_ref().and_then(schema::nul).is_some() {
        return Err(Fault::permanent("its output has a NUL character"));
    }
    Ok(output)
}

/// Why a job is no longer worked on.
enum Lost {
    /// Somebody else has it.
    Taken,
    /// Somebody else may have it: its lease could not be extended in time.
    CutOff,
    /// Somebody wants it to end.
    Cancelled(String),
}

async fn let_go(run: &Run<'_>, ends: &Ends, lost: Lost) -> &'static str {
    match lost {
        Lost::Taken => "lost",
        Lost::CutOff => hand_back_late(run).await,
        Lost::Cancelled(by) => end_cancelled(run, ends, &by).await,
    }
}

/// Extends the lease again and again; ends only when the job is somebody else's, or may be, or is to end.
async fn keep(run: &Run<'_>) -> Lost {
    let lease = run.settings.job_lease;
    let mut ours_until = Instant::now() + lease;
    loop {
        sleep(lease / HEARTBEATS).await;
        let asked = Instant::now();
        let left = ours_until.saturating_duration_since(asked);
        match timeout(left, extend(run)).await {
            Ok(Ok(Some(held))) => match held.cancelled_by {
                Some(by) => return Lost::Cancelled(by),
                None => ours_until = asked + lease,
            },
            Ok(Ok(None)) => return Lost::Taken,
            Err(_) => return Lost::CutOff,
            Ok(Err(error)) => tracing::warn!(error = %Chain(&error), "A job's lease could not be extended"),
        }
    }
}

async fn extend(run: &Run<'_>) -> sqlx::Result<Option<lease_store::Held>> {
    let mut tx = run.tenant.begin().await?;
    let held = lease_store::extend(&mut tx, run.job, run.settings.job_lease).await?;
    tx.commit().await?;
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_output_that_cannot_be_kept_is_a_fault() {
        for output in [json!({"pages": 3}), json!("what is written as \\u0000")] {
            assert_eq!(kept(Some(output.clone())).unwrap(), Some(output));
        }
        for output in [json!("\0"), json!("x".repeat(LARGEST_OUTPUT))] {
            assert!(matches!(kept(Some(output)), Err(Fault::Permanent(_))));
        }
    }
}
