//! What becomes of one received message? It takes effect, comes back later, or goes to the dead-letter queue.

use crate::{
    backoff::Backoff,
    handler::Fault,
    inbox,
    lease::Lease,
    routes::{Parsed, Routes, Unfit},
};
use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};
use common::{ambient::Ambient, db};
use futures_util::FutureExt;
use sqlx::PgPool;
use std::{panic::AssertUnwindSafe, time::Duration};
use tokio_util::sync::CancellationToken;

/// Longest time for one handling of one message; what takes longer is a job for the worker.
const LONGEST_HANDLING: Duration = Duration::from_secs(300);
/// Longest reason kept with a dead letter, in characters; an attribute counts towards the message's size.
const LONGEST_REASON: usize = 1_000;
/// The type under which messages are counted that were not understood; their own word for it could be anything.
const UNKNOWN: &str = "unknown";

/// What all messages of one queue have in common.
pub(crate) struct Context {
    pub queue: &'static str,
    pub dead_queue_url: String,
    pub pool: PgPool,
    pub ambient: Ambient,
    pub routes: Routes,
    pub retry: Backoff,
}

enum Outcome {
    Applied,
    /// Its effect was committed by an earlier delivery.
    Duplicate,
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
            Self::Retry(_) => "retried",
            Self::Dead { .. } => "dead",
            Self::Lost => "lost",
            Self::Abandoned => "abandoned",
        }
    }
}

impl From<Unfit> for Outcome {
    fn from(unfit: Unfit) -> Self {
        Self::Dead { reason: unfit.reason, detail: unfit.detail.map(|detail| detail.to_string()) }
    }
}

impl From<Fault> for Outcome {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Retry(error) => Self::Retry(error),
            Fault::Permanent(reason) => Self::Dead { reason, detail: None },
        }
    }
}

impl Context {
    /// Handles one message to its end. Never panics, whatever the handler does.
    pub(crate) async fn take(&self, message: &Message, lease: &Lease, abandon: &CancellationToken) {
        let body = message.body().unwrap_or_default();
        let (kind, outcome) = match self.routes.parse(body) {
            Ok(parsed) => (parsed.kind, self.handle(&parsed, lease, abandon).await),
            Err(unfit) => (UNKNOWN, unfit.into()),
        };
        metrics::counter!("messages_consumed_total", "queue" => self.queue, "type" => kind, "outcome" => outcome.label()).increment(1);
        self.settle(kind, outcome, message, lease).await;
    }

    async fn handle(&self, parsed: &Parsed, lease: &Lease, abandon: &CancellationToken) -> Outcome {
        tokio::select! {
            handled = AssertUnwindSafe(self.apply(parsed)).catch_unwind() => handled.unwrap_or_else(|_| Outcome::Retry(anyhow::anyhow!("the handler panicked"))),
            () = lease.keep() => Outcome::Lost,
            () = abandon.cancelled() => Outcome::Abandoned,
            () = tokio::time::sleep(LONGEST_HANDLING) => Outcome::Retry(anyhow::anyhow!("the handler took longer than {} s", LONGEST_HANDLING.as_secs())),
        }
    }

    async fn apply(&self, parsed: &Parsed) -> Outcome {
        self.apply_once(parsed).await.unwrap_or_else(Outcome::from)
    }

    /// The claim and the effect commit together. Whatever ends this early rolls both back.
    async fn apply_once(&self, parsed: &Parsed) -> Result<Outcome, Fault> {
        let mut tx = db::begin_for(&self.pool, parsed.tenant).await?;
        if !inbox::claim(&mut tx, self.queue, &parsed.id).await? {
            return Ok(Outcome::Duplicate);
        }
        parsed.effect.apply(&mut tx).await?;
        tx.commit().await?;
        Ok(Outcome::Applied)
    }

    async fn settle(&self, kind: &str, outcome: Outcome, message: &Message, lease: &Lease) {
        match outcome {
            Outcome::Applied | Outcome::Duplicate => lease.delete().await,
            Outcome::Retry(error) => {
                let receive_count = receive_count(message);
                let wait = self.retry.jittered(receive_count, &self.ambient);
                tracing::warn!(
                    error = format!("{error:#}"),
                    r#type = kind,
                    receive_count,
                    wait_ms = wait.as_millis() as u64,
                    "A message could not be handled; it comes back"
                );
                lease.hand_back(wait).await;
            }
            Outcome::Dead { reason, detail } => {
                tracing::warn!(reason, r#type = kind, "A message can never be handled; it goes to the dead-letter queue");
                let reason = detail.map_or(reason.clone(), |detail| format!("{reason}: {detail}"));
                match self.bury(message, &reason, lease).await {
                    Ok(()) => lease.delete().await,
                    Err(error) => {
                        tracing::warn!(error = format!("{error:#}"), "The dead-letter queue takes nothing; the message comes back");
                        lease.hand_back(self.retry.jittered(receive_count(message), &self.ambient)).await;
                    }
                }
            }
            Outcome::Lost => tracing::warn!(r#type = kind, "A message was lost to another consumer while it was handled; its effect was rolled back"),
            Outcome::Abandoned => lease.hand_back(Duration::ZERO).await,
        }
    }

    async fn bury(&self, message: &Message, reason: &str, lease: &Lease) -> anyhow::Result<()> {
        let reason = MessageAttributeValue::builder().data_type("String").string_value(tidy(reason)).build()?;
        let body = message.body().unwrap_or_default();
        lease.sqs.send_message().queue_url(&self.dead_queue_url).message_body(body).message_attributes("reason", reason).send().await?;
        Ok(())
    }
}

/// How often SQS has delivered the message, this time included; approximately, as SQS says.
fn receive_count(message: &Message) -> u32 {
    let count = message.attributes().and_then(|attributes| attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount));
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// A reason that SQS takes as an attribute: not empty, without control characters, not too long.
fn tidy(reason: &str) -> String {
    let reason: String = reason.chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect();
    if reason.is_empty() { "no reason was given".into() } else { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_fit_to_be_an_attribute() {
        assert_eq!(tidy("bad\u{0}\nthing"), "badthing");
        assert_eq!(tidy(&"x".repeat(5_000)).len(), LONGEST_REASON);
        assert!(!tidy("").is_empty());
    }
}
