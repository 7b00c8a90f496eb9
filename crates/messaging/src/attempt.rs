//! One attempt at a received message: it takes effect, comes back later, or goes to the dead-letter queue.

use crate::{
    breaker::Breaker,
    copy::{self, attempts, receives},
    handler::Fault,
    lease::Lease,
    routes::{Parsed, Routes, Unfit},
};
use aws_sdk_sqs::types::Message;
use chrono::TimeDelta;
use common::{ambient::Ambient, backoff::Backoff, db::Db};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, time::Duration};
use tokio_util::sync::CancellationToken;

/// Longest time for one handling of one message; what takes longer is a job for the worker.
const LONGEST_HANDLING: Duration = Duration::from_secs(300);
/// A message that was at fault itself so often is given up: with the waits between, after some half an hour, in which
/// whatever it came before may have arrived.
const MOST_ATTEMPTS: u32 = 10;
/// Below what any queue was ever given as its `maxReceiveCount`, so that an outage alone buries nothing.
const RECEIVES_BEFORE_RENEWAL: u32 = 3;
/// No deploy takes longer; then somebody should see what nobody here knows.
const LONGEST_WAIT_FOR_NEWER: TimeDelta = TimeDelta::days(1);
/// The type under which messages are counted that were not understood; their own word for it could be anything.
const UNKNOWN: &str = "unknown";

/// What all messages of one queue have in common.
pub(crate) struct Context {
    pub queue: &'static str,
    pub dead_queue_url: String,
    pub db: Db,
    pub ambient: Ambient,
    pub routes: Routes,
    pub retry: Backoff,
    /// Waits while what the handlers need is away.
    pub reconnect: Backoff,
    pub breaker: Breaker,
}

enum Outcome {
    Applied,
    /// Its effect was committed by an earlier delivery.
    Duplicate,
    Away(anyhow::Error),
    Contended(anyhow::Error),
    Retry(anyhow::Error),
    Dead {
        reason: String,
        detail: Option<String>,
    },
    /// SQS has given the message to somebody else meanwhile.
    Lost,
    /// The process stops before the handler is through.
    Abandoned,
}

impl Outcome {
    fn label(&self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Away(_) => "away",
            Self::Contended(_) => "contended",
            Self::Retry(_) => "retried",
            Self::Dead { .. } => "dead",
            Self::Lost => "lost",
            Self::Abandoned => "abandoned",
        }
    }
}

impl From<Fault> for Outcome {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Away(error) => Self::Away(error),
            Fault::Contended(error) => Self::Contended(error),
            Fault::Retry(error) => Self::Retry(error),
            Fault::Permanent(reason) => Self::Dead { reason, detail: None },
        }
    }
}

impl Context {
    /// Handles one message to its end. Never panics, whatever the handler does.
    pub(crate) async fn take(&self, message: &Message, lease: &Lease, abandon: &CancellationToken) {
        let (body, outages) = (message.body().unwrap_or_default(), self.breaker.outages());
        let (kind, outcome) = match self.routes.parse(body) {
            Ok(parsed) => (parsed.kind, self.watched(outages, self.handle(&parsed, lease, abandon)).await),
            Err(unfit) => (UNKNOWN, self.refuse(unfit)),
        };
        metrics::counter!("messages_consumed_total", "queue" => self.queue, "type" => kind,
            "outcome" => outcome.label())
        .increment(1);
        self.settle(kind, outcome, message, lease).await;
    }

    /// What a newer publisher says waits for a newer consumer, which the deploy under way will start.
    fn refuse(&self, unfit: Unfit) -> Outcome {
        let age = unfit.newer_since.map(|since| (self.ambient.now() - since).abs());
        if age.is_some_and(|age| age < LONGEST_WAIT_FOR_NEWER) {
            return Outcome::Contended(anyhow::anyhow!(unfit.reason));
        }
        Outcome::Dead { reason: unfit.reason, detail: unfit.detail.map(|detail| detail.to_string()) }
    }

    /// Tells the breaker what the handling says about the surroundings.
    async fn watched(&self, outages: u32, handling: impl Future<Output = Outcome>) -> Outcome {
        let outcome = handling.await;
        match outcome {
            Outcome::Away(_) => self.breaker.trip(outages),
            Outcome::Applied | Outcome::Duplicate | Outcome::Retry(_) | Outcome::Dead { .. } => self.breaker.reset(),
            Outcome::Contended(_) | Outcome::Lost | Outcome::Abandoned => {}
        }
        outcome
    }

    async fn handle(&self, parsed: &Parsed, lease: &Lease, abandon: &CancellationToken) -> Outcome {
        tokio::select! {
            handled = AssertUnwindSafe(self.apply(parsed)).catch_unwind() => handled.unwrap_or_else(|_| {
                Outcome::Retry(anyhow::anyhow!("the handler panicked"))
            }),
            () = lease.keep() => Outcome::Lost,
            () = abandon.cancelled() => Outcome::Abandoned,
            () = tokio::time::sleep(LONGEST_HANDLING) => {
                Outcome::Retry(anyhow::anyhow!("the handler took longer than {} s", LONGEST_HANDLING.as_secs()))
            }
        }
    }

    async fn apply(&self, parsed: &Parsed) -> Outcome {
        match parsed.effect.apply(&self.db, self.queue).await {
            Ok(true) => Outcome::Applied,
            Ok(false) => Outcome::Duplicate,
            Err(fault) => fault.into(),
        }
    }

    async fn settle(&self, kind: &str, outcome: Outcome, message: &Message, lease: &Lease) {
        match outcome {
            Outcome::Applied | Outcome::Duplicate => lease.delete().await,
            Outcome::Away(error) | Outcome::Contended(error) => {
                let (error, wait) = (format!("{error:#}"), self.retry.jittered(receives(message), &self.ambient));
                tracing::warn!(
                    error,
                    r#type = kind,
                    wait_ms = wait.as_millis() as u64,
                    "A message could not be handled now; it comes back, and nothing is held against it"
                );
                self.put_off(message, lease, &error, wait).await;
            }
            Outcome::Retry(error) => self.count(kind, &format!("{error:#}"), message, lease).await,
            Outcome::Dead { reason, detail } => {
                tracing::warn!(
                    reason,
                    r#type = kind,
                    "A message can never be handled; it goes to the dead-letter queue"
                );
                let reason = detail.map_or(reason.clone(), |detail| format!("{reason}: {detail}"));
                self.bury(message, &reason, lease).await;
            }
            Outcome::Lost => tracing::warn!(
                r#type = kind,
                "A message was lost to another consumer while it was handled; its effect was rolled back"
            ),
            Outcome::Abandoned => lease.hand_back(Duration::ZERO).await,
        }
    }

    /// A copy begins to be received anew: SQS would else bury for receives what nobody counts.
    async fn put_off(&self, message: &Message, lease: &Lease, reason: &str, wait: Duration) {
        if receives(message) < RECEIVES_BEFORE_RENEWAL {
            return lease.hand_back(wait).await;
        }
        self.send(message, lease, &lease.queue_url, attempts(message), reason, wait).await;
    }

    /// Counts a failed attempt; the last one ends in the dead-letter queue.
    async fn count(&self, kind: &str, error: &str, message: &Message, lease: &Lease) {
        let attempts = attempts(message) + 1;
        if attempts >= MOST_ATTEMPTS {
            tracing::warn!(error, r#type = kind, attempts, "A message is given up; it goes to the dead-letter queue");
            return self.bury(message, &format!("given up after {attempts} attempts: {error}"), lease).await;
        }
        let wait = self.retry.jittered(attempts, &self.ambient);
        tracing::warn!(
            error,
            r#type = kind,
            attempts,
            wait_ms = wait.as_millis() as u64,
            "A message could not be handled; it comes back"
        );
        self.send(message, lease, &lease.queue_url, attempts, error, wait).await;
    }

    /// Whoever sends a dead letter back to its queue has mended something: its attempts begin anew.
    async fn bury(&self, message: &Message, reason: &str, lease: &Lease) {
        metrics::counter!("messages_buried_total", "queue" => self.queue).increment(1);
        self.send(message, lease, &self.dead_queue_url, 0, reason, Duration::ZERO).await;
    }

    async fn send(
        &self,
        message: &Message,
        lease: &Lease,
        queue_url: &str,
        attempts: u32,
        reason: &str,
        wait: Duration,
    ) {
        if let Err(error) = copy::replace(lease, message, queue_url, attempts, reason, wait).await {
            tracing::warn!(error = format!("{error:#}"), "A message could not be sent on; it comes back as it is");
            lease.hand_back(self.retry.jittered(receives(message), &self.ambient)).await;
        }
    }
}
