//! Queues as operators see and mend them: depth, pause, a look at what waits, and dead letters ([`dead`]).
//!
//! SQS has no way to read without receiving. A look receives, and hands back at once; what was received often is
//! replaced by a copy, as SQS buries a message after [`MOST_RECEIVES`](contracts::topology::MOST_RECEIVES).

pub mod dead;

pub use crate::pause::Pause;

use crate::{
    aws::{Aws, QueueError},
    copy::{self, ALL, attempts, attribute, receives},
    fingerprint,
    heartbeat::{BATCH, entry},
    pause::{self, PAUSED_BY_TAG, PAUSED_TAG},
    publisher::{TRACEPARENT_ATTRIBUTE, TYPE_ATTRIBUTE},
};
use aws_sdk_sqs::{
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    types::{Message, MessageSystemAttributeName as System, QueueAttributeName as Attribute},
};
use chrono::{DateTime, SecondsFormat, Utc};
use contracts::{envelope::Envelope, topology};
use std::error::Error;

/// How long a look may keep a message from its consumer, if the process dies over it, in seconds.
const LOOK_SECONDS: i32 = 10;
/// From then on a look leaves a copy: below what any queue was ever given as its `maxReceiveCount`.
const RECEIVES_BEFORE_RENEWAL: u32 = 3;
/// What SQS answers when the body itself is at fault.
const REFUSALS: [&str; 3] = ["InvalidMessageContents", "InvalidParameterValue", "BatchRequestTooLong"];

/// Why an operator does not get what they ask for.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    #[error("there is no queue '{0}'")]
    Unknown(String),
    /// SQS takes no such message: it is too large, or has characters that SQS does not take.
    #[error("SQS refuses the message: {0}")]
    Refused(String),
    /// What is asked for was not among the dead letters that were seen, and there may be more of them.
    #[error("the dead letter was not found within the bounds of one look")]
    NotSeen,
    #[error("SQS cannot be asked: {0}")]
    Away(String),
}

impl From<QueueError> for ConsoleError {
    fn from(error: QueueError) -> Self {
        Self::Away(common::problem::Chain(&error).to_string())
    }
}

impl<E: Error + ProvideErrorMetadata + 'static> From<SdkError<E>> for ConsoleError {
    fn from(error: SdkError<E>) -> Self {
        match error.as_service_error().and_then(|answer| Some((answer.code()?, answer.message()))) {
            Some((code, message)) if REFUSALS.contains(&code) => {
                Self::Refused(format!("{code} {}", message.unwrap_or_default()))
            }
            _ => Self::Away(DisplayErrorContext(&error).to_string()),
        }
    }
}

/// What is in a queue, as far as SQS knows ("approximately").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// Its name in the topology.
    pub queue: &'static str,
    /// Messages that may be received.
    pub waiting: u64,
    /// Messages that consumers hold.
    pub in_flight: u64,
    /// Messages that nobody gets yet.
    pub delayed: u64,
    /// Dead letters that may be looked at.
    pub dead: u64,
    /// Dead letters that somebody looks at just now.
    pub dead_in_flight: u64,
    /// Nothing is received, if there is one.
    pub pause: Option<Pause>,
}

/// A message in a queue or dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// SQS's own id of this copy; another copy of the same message has another one.
    pub id: String,
    pub body: String,
    /// Its type: as its consumer knew it, else as its body says.
    pub kind: Option<String>,
    /// Why it was not handled, if it was tried.
    pub reason: Option<String>,
    /// What dead letters of one cause have in common.
    pub fingerprint: String,
    /// How often it failed by its own fault.
    pub attempts: u32,
    /// When the first of its copies was sent.
    pub first_sent: Option<DateTime<Utc>>,
    /// When this copy was sent, for a dead letter: when it was given up.
    pub sent: Option<DateTime<Utc>>,
    /// How often SQS has handed out this copy, looks included.
    pub receives: u32,
    pub traceparent: Option<String>,
}

impl Letter {
    fn of(queue: &str, message: &Message) -> Self {
        let body = message.body().unwrap_or_default();
        let own = |name| attribute(message, name).map(str::to_owned);
        let kind = own(TYPE_ATTRIBUTE);
        let said = || serde_json::from_str::<Envelope>(body).ok().map(|envelope| envelope.kind);
        let (reason, sent) = (own(copy::REASON), copy::sent(message));
        let as_if = || fingerprint::of(queue, kind.as_deref().unwrap_or_default(), reason.as_deref().unwrap_or("none"));
        Self {
            id: message.message_id().unwrap_or_default().to_owned(),
            fingerprint: own(copy::FINGERPRINT).unwrap_or_else(as_if),
            kind: kind.clone().or_else(said),
            reason,
            attempts: attempts(message),
            first_sent: copy::instant(attribute(message, copy::SENT)).or(sent),
            sent,
            receives: receives(message),
            traceparent: own(TRACEPARENT_ATTRIBUTE),
            body: body.to_owned(),
        }
    }

    /// Its reason without quoted texts, numbers and addresses, which may be somebody's.
    pub fn cause(&self) -> Option<String> {
        self.reason.as_deref().map(fingerprint::shape)
    }

    /// What is in it, if it is an envelope.
    pub fn envelope(&self) -> Option<Envelope> {
        serde_json::from_str(&self.body).ok()
    }
}

/// The queues of one deployment, for operators.
#[derive(Clone)]
pub struct Console {
    aws: Aws,
}

impl Aws {
    /// What operators see and mend this deployment's queues with.
    pub fn console(&self) -> Console {
        Console { aws: self.clone() }
    }
}

impl Console {
    /// How much is in a queue of the topology, and whether it is paused.
    pub async fn state(&self, queue: &str) -> Result<QueueState, ConsoleError> {
        let (name, live) = self.live(queue).await?;
        let dead = self.dead(queue).await?;
        let (of_live, of_dead, pause) =
            tokio::join!(self.counts(&live), self.counts(&dead), pause::pause_of(&self.aws.sqs, &live));
        let ([waiting, in_flight, delayed], [dead, dead_in_flight, _]) = (of_live?, of_dead?);
        Ok(QueueState { queue: name, waiting, in_flight, delayed, dead, dead_in_flight, pause: pause? })
    }

    /// Its consumers receive nothing more, within seconds, until it is resumed. `by` has only what a tag may have.
    pub async fn pause(&self, queue: &str, by: &str, now: DateTime<Utc>) -> Result<(), ConsoleError> {
        let (_, url) = self.live(queue).await?;
        let since = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        self.aws.sqs.tag_queue().queue_url(url).tags(PAUSED_TAG, since).tags(PAUSED_BY_TAG, by).send().await?;
        Ok(())
    }

    pub async fn resume(&self, queue: &str) -> Result<(), ConsoleError> {
        let (_, url) = self.live(queue).await?;
        self.aws.sqs.untag_queue().queue_url(url).tag_keys(PAUSED_TAG).tag_keys(PAUSED_BY_TAG).send().await?;
        Ok(())
    }

    /// Up to ten of the messages that wait, in no order. A consumer may get them a moment later for it.
    pub async fn peek(&self, queue: &str) -> Result<Vec<Letter>, ConsoleError> {
        let (_, url) = self.live(queue).await?;
        let messages = self.receive(&url, LOOK_SECONDS).await?;
        let (worn, fresh): (Vec<_>, Vec<_>) =
            messages.iter().partition(|message| receives(message) >= RECEIVES_BEFORE_RENEWAL);
        for message in worn {
            copy::resend(&self.aws.sqs, message, &url, message.body().unwrap_or_default(), &ALL).await?;
            self.delete(&url, message).await?;
        }
        self.hand_back(&url, &fresh).await;
        Ok(messages.iter().map(|message| Letter::of(queue, message)).collect())
    }

    async fn live(&self, queue: &str) -> Result<(&'static str, String), ConsoleError> {
        let known = topology::queue(queue).ok_or_else(|| ConsoleError::Unknown(queue.to_owned()))?;
        Ok((known.name, self.aws.queue_url(&self.aws.queue_name(queue)).await?))
    }

    async fn dead(&self, queue: &str) -> Result<String, ConsoleError> {
        topology::queue(queue).ok_or_else(|| ConsoleError::Unknown(queue.to_owned()))?;
        Ok(self.aws.queue_url(&self.aws.dead_queue_name(queue)).await?)
    }

    async fn counts(&self, url: &str) -> Result<[u64; 3], ConsoleError> {
        let names = [
            Attribute::ApproximateNumberOfMessages,
            Attribute::ApproximateNumberOfMessagesNotVisible,
            Attribute::ApproximateNumberOfMessagesDelayed,
        ];
        let call = self.aws.sqs.get_queue_attributes().queue_url(url);
        let counts = call.set_attribute_names(Some(names.to_vec())).send().await?.attributes.unwrap_or_default();
        Ok(names.map(|name| counts.get(&name).and_then(|count| count.parse().ok()).unwrap_or_default()))
    }

    /// Up to ten messages, which are nobody else's for that time.
    async fn receive(&self, url: &str, seconds: i32) -> Result<Vec<Message>, ConsoleError> {
        let call = self.aws.sqs.receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(1);
        let call = call.visibility_timeout(seconds).message_system_attribute_names(System::All);
        Ok(call.message_attribute_names("All").send().await?.messages.unwrap_or_default())
    }

    async fn delete(&self, url: &str, message: &Message) -> Result<(), ConsoleError> {
        let receipt = message.receipt_handle().unwrap_or_default();
        self.aws.sqs.delete_message().queue_url(url).receipt_handle(receipt).send().await?;
        Ok(())
    }

    /// Lets others have them at once; what SQS cannot be told comes back by itself.
    async fn hand_back(&self, url: &str, messages: &[&Message]) {
        for batch in messages.chunks(BATCH) {
            let receipts = batch.iter().map(|message| message.receipt_handle().unwrap_or_default());
            let entries = receipts.zip(0..).map(|(receipt, id)| entry(id, receipt, 0)).collect();
            let call = self.aws.sqs.change_message_visibility_batch().queue_url(url).set_entries(Some(entries));
            if let Err(error) = call.send().await {
                tracing::warn!(error = %DisplayErrorContext(&error), "Messages that were looked at come back later");
            }
        }
    }
}
