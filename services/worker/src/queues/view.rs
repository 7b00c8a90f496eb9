//! Queues and their messages as operators see them.

use chrono::{DateTime, Utc};
use contracts::{
    consumers::ConsumerReport,
    envelope::Envelope,
    privacy::{self, Sensitivity},
    topology,
};
use messaging::{
    console::{Letter, QueueState},
    schema,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Consumers that are shown of a queue; more are counted.
const MOST_CONSUMERS: usize = 100;

/// What a queue takes from a topic.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QueueSubscription {
    #[schema(example = "auth-events")]
    pub topic: &'static str,
    /// Types of messages; empty means all.
    #[schema(example = json!(["auth.tenant.created.v1"]))]
    pub types: &'static [&'static str],
}

/// A queue is not received from.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QueuePause {
    /// RFC 3339.
    #[schema(example = "2026-11-22T12:00:00Z")]
    pub since: String,
    /// The principal who has paused it.
    #[schema(example = "user:01890a5d-ac96-774b-bcce-b302099a8057")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A process that receives from a queue.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QueueConsumer {
    /// The client that it logs in as: its service, or a product's worker.
    #[schema(example = "billing")]
    pub client: String,
    /// The container or machine that it runs in, and its process there.
    #[schema(example = "ip-10-0-1-7:1")]
    pub task: String,
    /// When it started.
    pub since: DateTime<Utc>,
    /// When it was last heard of.
    pub heard_at: DateTime<Utc>,
    /// Messages that it holds.
    pub in_flight: u64,
}

/// What the consumers of a queue did in the last minute, as they tell it every five seconds.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QueueWork {
    /// Messages received in the last minute; one that comes again counts again.
    pub received: u64,
    /// Messages deleted in the last minute: those that are done, and those that went on as a copy.
    pub deleted: u64,
    /// Age of the oldest message received in the last minute, in seconds since its copy was sent; absent if none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_seconds: Option<u64>,
    /// Those that were heard of in the last 20 seconds, the youngest first, at most 100 of them.
    pub consumers: Vec<QueueConsumer>,
}

impl From<Vec<ConsumerReport>> for QueueWork {
    fn from(reports: Vec<ConsumerReport>) -> Self {
        Self {
            received: reports.iter().map(|report| report.received).sum(),
            deleted: reports.iter().map(|report| report.deleted).sum(),
            oldest_seconds: reports.iter().filter_map(|report| report.oldest_seconds).max(),
            consumers: reports.into_iter().take(MOST_CONSUMERS).map(QueueConsumer::from).collect(),
        }
    }
}

impl From<ConsumerReport> for QueueConsumer {
    fn from(report: ConsumerReport) -> Self {
        let ConsumerReport { client, task, since, at: heard_at, in_flight, .. } = report;
        Self { client, task, since, heard_at, in_flight }
    }
}

/// A queue, as far as SQS knows: its counts are approximate.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Queue {
    #[schema(example = "billing")]
    pub name: &'static str,
    pub subscriptions: Vec<QueueSubscription>,
    /// Messages that may be received.
    pub waiting: u64,
    /// Messages that consumers hold.
    pub in_flight: u64,
    /// Messages that nobody gets yet.
    pub delayed: u64,
    /// Dead letters.
    pub dead: u64,
    /// Dead letters that somebody looks at just now.
    pub dead_in_flight: u64,
    /// Absent while it is received from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<QueuePause>,
    /// What its consumers tell; absent while Redis, where they tell it, is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<QueueWork>,
}

impl Queue {
    pub fn of(state: QueueState, work: Option<QueueWork>) -> Self {
        let subscriptions = topology::queue(state.queue).map_or(&[][..], |queue| queue.subscriptions).iter();
        Self {
            name: state.queue,
            subscriptions: subscriptions
                .map(|subscription| QueueSubscription { topic: subscription.topic.name(), types: subscription.types })
                .collect(),
            waiting: state.waiting,
            in_flight: state.in_flight,
            delayed: state.delayed,
            dead: state.dead,
            dead_in_flight: state.dead_in_flight,
            paused: state.pause.map(|pause| QueuePause { since: pause.since, by: pause.by }),
            work,
        }
    }
}

/// A message in a queue or dead-letter queue. What is personal reads `[personal]` for whoever may not read payloads;
/// what is secret reads `[secret]` for everybody.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QueueMessage {
    /// SQS's id of this copy: a message that is edited or put off goes on as a copy with another one.
    #[schema(example = "5fea7756-0ea4-451a-a703-a558b933e274")]
    pub id: String,
    /// The message's own id, the same in each copy; absent if the body is not understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Uuid>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(example = "auth.tenant.created.v1")]
    pub kind: Option<String>,
    /// The service that said it.
    #[schema(example = "/services/auth")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// When it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<DateTime<Utc>>,
    /// Why it was not handled, if it was tried. Without the permission to read payloads `#` stands for quoted texts,
    /// numbers and addresses.
    #[schema(example = "the tenant is not known")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What dead letters of one cause have in common.
    #[schema(example = "92f792fe75a4")]
    pub fingerprint: String,
    /// How often it failed by its own fault.
    pub attempts: u32,
    /// How often SQS has handed out this copy, looks included.
    pub receives: u32,
    /// When the first of its copies was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_sent_at: Option<DateTime<Utc>>,
    /// When this copy was sent; of a dead letter: when it was given up, or edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Whether its data fit their schema; absent in a queue that carries no envelopes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fits_schema: Option<bool>,
    /// The place that does not fit, and the rule that it breaks.
    #[schema(example = "/user_id: format")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub misfit: Option<String>,
    /// What it says, of a type that is known here.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The body of a message that is not understood, for those who may read payloads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl QueueMessage {
    /// What is shown of a letter in that queue to somebody who may read what is as sensitive as `shown`.
    pub fn of(queue: &str, letter: Letter, shown: Sensitivity) -> Self {
        let envelope = letter.envelope();
        let cause = letter.cause();
        let may_read = shown >= Sensitivity::Personal;
        let data = envelope.as_ref().and_then(|said| privacy::redact(&said.kind, &said.data, shown));
        let misfit = misfit(queue, envelope.as_ref());
        let (kind, body) = (letter.kind, (may_read && data.is_none()).then_some(letter.body));
        let (source, traceparent) =
            envelope.as_ref().map(|said| (said.source.clone(), said.traceparent.clone())).unzip();
        Self {
            id: letter.id,
            message_id: envelope.as_ref().map(|said| said.id.0),
            kind,
            source,
            tenant_id: envelope.as_ref().and_then(|said| said.tenant).map(|tenant| tenant.0),
            time: envelope.as_ref().map(|said| said.time),
            reason: if may_read { letter.reason } else { cause },
            fingerprint: letter.fingerprint,
            attempts: letter.attempts,
            receives: letter.receives,
            first_sent_at: letter.first_sent,
            sent_at: letter.sent,
            traceparent: letter.traceparent.or(traceparent.flatten()),
            fits_schema: carries_envelopes(queue).then_some(misfit.is_none()),
            misfit,
            data,
            body,
        }
    }

    /// Whether `text` is anywhere in what is shown, in whatever case.
    pub fn says(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let data = self.data.as_ref().map(Value::to_string);
        let texts = [data.as_ref(), self.body.as_ref(), self.reason.as_ref(), self.misfit.as_ref()];
        texts.into_iter().flatten().any(|shown| shown.to_lowercase().contains(&text))
    }
}

pub fn carries_envelopes(queue: &str) -> bool {
    topology::queue(queue).is_some_and(topology::Queue::carries_envelopes)
}

fn misfit(queue: &str, envelope: Option<&Envelope>) -> Option<String> {
    if !carries_envelopes(queue) {
        return None;
    }
    let Some(envelope) = envelope else { return Some("the body is not an envelope".to_owned()) };
    schema::check_outgoing(envelope).err().map(|misfit| misfit.to_string())
}
