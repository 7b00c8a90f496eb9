//! One attempt at a received message: it takes effect, comes back later, or goes to the dead-letter queue.

use crate::{
    breaker::Breaker,
    buffer::Held,
    copy::{self, Note, attempts, receives},
    effect::{Parsed, Unfit},
    handler::Fault,
    routes::Routes,
    settle::Settling,
};
use chrono::TimeDelta;
use common::{
    ambient::Ambient,
    backoff::Backoff,
    db::Db,
    trace::{self, TraceContext},
};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, time::Duration};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

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
    pub sqs: aws_sdk_sqs::Client,
    pub queue: &'static str,
    pub queue_url: String,
    pub dead_queue_url: String,
    pub db: Db,
    pub ambient: Ambient,
    pub routes: Routes,
    pub retry: Backoff,
    /// Waits while what the handlers need is away.
    pub reconnect: Backoff,
    pub breaker: Breaker,
    pub settling: Settling,
}

pub(crate) enum Outcome {
    Applied,
    /// Its effect was committed by an earlier delivery.
    Duplicate,
    Away(anyhow::Error),
    Contended(anyhow::Error),
    Snoozed {
        wait: Duration,
        reason: String,
    },
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
            Self::Snoozed { .. } => "snoozed",
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
            Fault::Snooze { wait, reason } => Self::Snoozed { wait, reason },
            Fault::Retry(error) => Self::Retry(error),
            Fault::Permanent(reason) => Self::Dead { reason, detail: None },
        }
    }
}

impl Held {
    pub(crate) fn kind(&self) -> &'static str {
        self.content.as_ref().map_or(UNKNOWN, |parsed| parsed.kind)
    }

    /// What log lines about it say of it, and what it does next in its trace.
    pub(crate) fn span(&self, ambient: &Ambient) -> (Span, TraceContext) {
        let parsed = self.content.as_ref().ok();
        let trace = TraceContext::after(parsed.and_then(|parsed| parsed.traceparent.as_deref()), ambient);
        let span = tracing::info_span!(
            "message",
            message_id = parsed.and_then(|parsed| parsed.id).map(tracing::field::display),
            "type" = self.kind(),
            tenant = parsed.and_then(|parsed| parsed.tenant).map(tracing::field::display),
            trace_id = trace.trace_id(),
            sqs_message_id = self.message.message_id(),
        );
        (span, trace)
    }
}

impl Context {
    /// Handles one message to its end. Never panics, whatever the handler does.
    pub(crate) async fn take(&self, held: Held, abandon: &CancellationToken) {
        let ((span, trace), outages) = (held.span(&self.ambient), self.breaker.outages());
        let handling = async {
            let outcome = match &held.content {
                _ if held.lease.lost.is_cancelled() => Outcome::Lost,
                Ok(parsed) => self.watched(outages, self.handle(parsed, &held.lease.lost, abandon)).await,
                Err(unfit) => self.refuse(unfit),
            };
            self.end(outcome, held).await;
        };
        trace::within(trace, handling).instrument(span).await;
    }

    /// What a newer publisher says waits for a newer consumer, which the deploy under way will start.
    fn refuse(&self, unfit: &Unfit) -> Outcome {
        let age = unfit.newer_since.map(|since| (self.ambient.now() - since).abs());
        if age.is_some_and(|age| age < LONGEST_WAIT_FOR_NEWER) {
            return Outcome::Contended(anyhow::anyhow!(unfit.reason.clone()));
        }
        Outcome::Dead { reason: unfit.reason.clone(), detail: unfit.detail.as_ref().map(ToString::to_string) }
    }

    /// Counts what became of a message, and does it.
    pub(crate) async fn end(&self, outcome: Outcome, held: Held) {
        let (kind, outcome_label) = (held.kind(), outcome.label());
        metrics::counter!("messages_consumed_total", "queue" => self.queue, "type" => kind, "outcome" => outcome_label)
            .increment(1);
        self.settle(outcome, held).await;
    }

    /// Tells the breaker what the handling says about the surroundings.
    async fn watched(&self, outages: u32, handling: impl Future<Output = Outcome>) -> Outcome {
        let outcome = handling.await;
        match outcome {
            Outcome::Away(_) => self.breaker.trip(outages),
            Outcome::Applied | Outcome::Duplicate | Outcome::Retry(_) | Outcome::Dead { .. } => self.breaker.reset(),
            Outcome::Contended(_) | Outcome::Snoozed { .. } | Outcome::Lost | Outcome::Abandoned => {}
        }
        outcome
    }

    async fn handle(&self, parsed: &Parsed, lost: &CancellationToken, abandon: &CancellationToken) -> Outcome {
        tokio::select! {
            handled = AssertUnwindSafe(self.apply(parsed)).catch_unwind() => handled.unwrap_or_else(|_| {
                Outcome::Retry(anyhow::anyhow!("the handler panicked"))
            }),
            () = lost.cancelled() => Outcome::Lost,
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

    async fn settle(&self, outcome: Outcome, held: Held) {
        match outcome {
            Outcome::Applied | Outcome::Duplicate => self.settling.delete(held.lease).await,
            Outcome::Away(error) | Outcome::Contended(error) => {
                let (error, wait) = (format!("{error:#}"), self.retry.jittered(receives(&held.message), &self.ambient));
                let wait_ms = wait.as_millis() as u64;
                tracing::warn!(
                    error,
                    wait_ms,
                    "A message could not be handled now; it comes back, and nothing is held \
                    against it"
                );
                self.put_off(held, &error, wait).await;
            }
            Outcome::Snoozed { wait, reason } => {
                tracing::info!(reason, wait_ms = wait.as_millis() as u64, "A message asks to come back later");
                self.put_off(held, &reason, wait).await;
            }
            Outcome::Retry(error) => self.count(&format!("{error:#}"), held).await,
            Outcome::Dead { reason, detail } => {
                tracing::warn!(reason, "A message can never be handled; it goes to the dead-letter queue");
                let reason = detail.map_or(reason.clone(), |detail| format!("{reason}: {detail}"));
                self.bury(held, &reason).await;
            }
            Outcome::Lost => {
                tracing::warn!("A message was lost to another consumer before its effect; nothing of it was committed");
            }
            Outcome::Abandoned => self.settling.hand_back(held.lease, Duration::ZERO).await,
        }
    }

    /// A copy begins to be received anew: SQS would else bury for receives what nobody counts.
    async fn put_off(&self, held: Held, reason: &str, wait: Duration) {
        if receives(&held.message) < RECEIVES_BEFORE_RENEWAL {
            return self.settling.hand_back(held.lease, wait).await;
        }
        let attempts = attempts(&held.message);
        self.replace(held, &self.queue_url, attempts, reason, wait).await;
    }

    /// Counts a failed attempt; the last one ends in the dead-letter queue.
    async fn count(&self, error: &str, held: Held) {
        let attempts = attempts(&held.message) + 1;
        if attempts >= MOST_ATTEMPTS {
            tracing::warn!(error, attempts, "A message is given up; it goes to the dead-letter queue");
            return self.bury(held, &format!("given up after {attempts} attempts: {error}")).await;
        }
        let wait = self.retry.jittered(attempts, &self.ambient);
        let wait_ms = wait.as_millis() as u64;
        tracing::warn!(error, attempts, wait_ms, "A message could not be handled; it comes back");
        self.replace(held, &self.queue_url, attempts, error, wait).await;
    }

    /// Whoever sends a dead letter back to its queue has mended something: its attempts begin anew.
    async fn bury(&self, held: Held, reason: &str) {
        metrics::counter!("messages_buried_total", "queue" => self.queue).increment(1);
        self.replace(held, &self.dead_queue_url, 0, reason, Duration::ZERO).await;
    }

    /// Leaves a copy in the message's place.
    async fn replace(&self, held: Held, queue_url: &str, attempts: u32, reason: &str, wait: Duration) {
        let kind = held.content.as_ref().ok().map(|parsed| parsed.kind);
        let note = Note { queue: self.queue, kind, attempts, reason };
        if let Err(error) = copy::send(&self.sqs, &held.message, queue_url, &note, wait).await {
            let error = format!("{error:#}");
            tracing::warn!(error, "A message could not be sent on; it comes back as it is");
            let wait = self.retry.jittered(receives(&held.message), &self.ambient);
            return self.settling.hand_back(held.lease, wait).await;
        }
        self.settling.delete(held.lease).await;
    }
}
