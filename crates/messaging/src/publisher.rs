//! Publisher to SNS, which says of each message whether SNS has really taken it: a batch can fail in part under HTTP
//! 200.

use crate::aws::Aws;
use aws_sdk_sns::{
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    operation::publish_batch::{PublishBatchError, PublishBatchOutput},
    types::{MessageAttributeValue, PublishBatchRequestEntry},
};
use common::trace::TraceContext;
use contracts::{envelope::Envelope, topology::Topic};
use futures_util::future::join_all;
use std::ops::Range;

/// SNS takes at most ten messages a batch (<https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html>) …
pub const BATCH_MESSAGES: usize = 10;
/// … of together at most 256 KiB, attributes included.
const BATCH_BYTES: usize = 262_144;
/// The attribute that filter policies look at.
pub(crate) const TYPE_ATTRIBUTE: &str = "type";
/// The step of a trace that said the message (W3C Trace Context), for whoever looks at a queue.
pub(crate) const TRACEPARENT_ATTRIBUTE: &str = "traceparent";
/// What SNS answers when the message itself is at fault.
const REFUSALS: [&str; 5] = [
    "InvalidParameter",
    "InvalidParameterValue",
    "ParameterValueInvalid",
    "ValidationException",
    "BatchRequestTooLong",
];

/// Why SNS has not taken a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// SNS did not answer; whether it took the message is unknown.
    #[error("SNS does not answer: {0}")]
    Unreachable(String),
    /// SNS answered that it cannot take it now.
    #[error("SNS has not taken the message: {0}")]
    Deferred(String),
    /// SNS will never take the message as it is.
    #[error("SNS refuses the message: {0}")]
    Refused(String),
}

/// Sends messages to the topics of one deployment.
#[derive(Clone)]
pub struct Publisher {
    aws: Aws,
}

impl Aws {
    /// Sends to this deployment's topics.
    pub fn publisher(&self) -> Publisher {
        Publisher { aws: self.clone() }
    }
}

impl Publisher {
    /// Publishes each message to its topic; one answer for each, in the same order.
    pub async fn publish_batch(&self, messages: &[(Topic, Envelope)]) -> Vec<Result<(), PublishError>> {
        let mut answers = vec![Err(PublishError::Deferred("it was not sent".into())); messages.len()];
        let mut outgoing = Vec::with_capacity(messages.len());
        for (index, (topic, envelope)) in messages.iter().enumerate() {
            match text(envelope) {
                Ok(body) => outgoing.push(Outgoing::of(index, *topic, envelope, body)),
                Err(fault) => answers[index] = Err(PublishError::Refused(fault.to_string())),
            }
        }
        outgoing.sort_by_key(|message| message.topic.name());
        let batches = outgoing.chunk_by(|a, b| a.topic == b.topic).flat_map(|same_topic| {
            let sizes: Vec<_> = same_topic.iter().map(Outgoing::bytes).collect();
            batches(&sizes).into_iter().map(move |range| self.send(&same_topic[range]))
        });
        for (index, answer) in join_all(batches).await.into_iter().flatten() {
            answers[index] = answer;
        }
        answers
    }

    /// Publishes a body that is not an envelope, as SES does on the feedback topic.
    pub async fn publish_raw(&self, topic: Topic, body: String) -> Result<(), PublishError> {
        let message = Outgoing { index: 0, topic, attributes: Vec::new(), group: None, body };
        let answer = self.send(std::slice::from_ref(&message)).await.into_iter().next();
        answer.map_or_else(|| Err(PublishError::Deferred("SNS did not mention it".into())), |(_, answer)| answer)
    }

    /// Sends one batch of one topic. A batch that is refused as a whole is sent again one by one, to find the culprit.
    async fn send(&self, batch: &[Outgoing]) -> Vec<(usize, Result<(), PublishError>)> {
        match self.send_batch(batch).await {
            Err(PublishError::Refused(_)) if batch.len() > 1 => {
                let singles =
                    join_all(batch.iter().map(|message| self.send_batch(std::slice::from_ref(message)))).await;
                batch
                    .iter()
                    .zip(singles)
                    .map(|(message, answer)| (message.index, answer.and_then(|output| answer_for(0, &output))))
                    .collect()
            }
            answer => batch
                .iter()
                .enumerate()
                .map(|(entry, message)| {
                    (message.index, answer.as_ref().map_err(Clone::clone).and_then(|output| answer_for(entry, output)))
                })
                .collect(),
        }
    }

    async fn send_batch(&self, batch: &[Outgoing]) -> Result<PublishBatchOutput, PublishError> {
        let [first, ..] = batch else { return Ok(PublishBatchOutput::builder().build()) };
        let entries = batch
            .iter()
            .enumerate()
            .map(|(entry, message)| message.entry(entry))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|fault| PublishError::Refused(fault.to_string()))?;
        self.aws
            .sns
            .publish_batch()
            .topic_arn(self.aws.topic_arn(first.topic))
            .set_publish_batch_request_entries(Some(entries))
            .send()
            .await
            .map_err(|error| why(&error))
    }
}

struct Outgoing {
    index: usize,
    topic: Topic,
    /// At most ten reach a queue; with more, SNS drops the message
    /// (<https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html>).
    attributes: Vec<(&'static str, String)>,
    /// The tenant, by which SQS is fair: while one has much in a queue, the messages of others overtake
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>).
    group: Option<String>,
    body: String,
}

impl Outgoing {
    fn of(index: usize, topic: Topic, envelope: &Envelope, body: String) -> Self {
        let mut attributes = vec![(TYPE_ATTRIBUTE, envelope.kind.clone())];
        let trace = envelope.traceparent.as_deref().and_then(|text| text.parse::<TraceContext>().ok());
        attributes.extend(trace.map(|step| (TRACEPARENT_ATTRIBUTE, step.to_string())));
        Self { index, topic, attributes, group: envelope.tenant.map(|tenant| tenant.to_string()), body }
    }

    fn bytes(&self) -> usize {
        let attributes = self.attributes.iter().map(|(name, value)| name.len() + "String".len() + value.len());
        self.body.len() + attributes.sum::<usize>()
    }

    fn entry(&self, entry: usize) -> Result<PublishBatchRequestEntry, aws_sdk_sns::error::BuildError> {
        let mut builder = PublishBatchRequestEntry::builder().id(entry.to_string()).message(&self.body);
        for (name, value) in &self.attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build()?;
            builder = builder.message_attributes(*name, value);
        }
        builder.set_message_group_id(self.group.clone()).build()
    }
}

/// The envelope as JSON that SNS and SQS take: of what JSON leaves as it is they refuse U+FFFE and U+FFFF, which
/// people's names may hold
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>). In JSON both stand
/// in strings only.
fn text(envelope: &Envelope) -> serde_json::Result<String> {
    Ok(serde_json::to_string(envelope)?.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff"))
}

/// Cuts messages of these sizes into batches that SNS takes; one that is too large alone is alone.
fn batches(sizes: &[usize]) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, size) in sizes.iter().enumerate() {
        if index > start && (index - start == BATCH_MESSAGES || bytes + size > BATCH_BYTES) {
            batches.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    if start < sizes.len() {
        batches.push(start..sizes.len());
    }
    batches
}

/// What an answered batch says about the entry of that number. Only what is named as successful was taken.
fn answer_for(entry: usize, output: &PublishBatchOutput) -> Result<(), PublishError> {
    let id = entry.to_string();
    if output.successful().iter().any(|success| success.id() == Some(&id)) {
        return Ok(());
    }
    match output.failed().iter().find(|failure| failure.id() == id) {
        Some(failure) => {
            let text = format!("{} {}", failure.code(), failure.message().unwrap_or_default());
            Err(if failure.sender_fault() { PublishError::Refused(text) } else { PublishError::Deferred(text) })
        }
        None => Err(PublishError::Deferred("SNS did not mention it".into())),
    }
}

fn why(error: &SdkError<PublishBatchError>) -> PublishError {
    match error.as_service_error() {
        None => PublishError::Unreachable(DisplayErrorContext(error).to_string()),
        Some(answer) => {
            let code = answer.code().unwrap_or("Unknown");
            let text = format!("{code} {}", answer.message().unwrap_or_default());
            if REFUSALS.contains(&code) { PublishError::Refused(text) } else { PublishError::Deferred(text) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_sns::types::{BatchResultErrorEntry, PublishBatchResultEntry};
    use serde_json::json;

    #[test]
    fn only_what_is_named_successful_was_taken() {
        let failed = |id: &str, sender_fault| {
            BatchResultErrorEntry::builder().id(id).code("C").sender_fault(sender_fault).build().unwrap()
        };
        let output = PublishBatchOutput::builder()
            .successful(PublishBatchResultEntry::builder().id("0").message_id("m").build())
            .failed(failed("1", true))
            .failed(failed("2", false))
            .build();
        assert_eq!(answer_for(0, &output), Ok(()));
        assert!(matches!(answer_for(1, &output), Err(PublishError::Refused(_))));
        assert!(matches!(answer_for(2, &output), Err(PublishError::Deferred(_))));
        assert!(matches!(answer_for(3, &output), Err(PublishError::Deferred(_))), "not mentioned is not taken");
    }

    #[test]
    fn a_message_is_in_the_group_of_its_tenant_and_says_its_type_and_trace() {
        let (tenant, traceparent) = (uuid::Uuid::nil(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        let said = |traceparent: &str| {
            let said = json!({"specversion": "1.0", "id": tenant, "source": "/services/auth", "type": "t",
                "time": "2026-01-01T00:00:00Z", "tenant": tenant, "traceparent": traceparent, "data": {}});
            let message = Outgoing::of(0, Topic::AuthEvents, &serde_json::from_value(said).unwrap(), "{}".into());
            message.entry(0).unwrap()
        };
        let entry = said(traceparent);
        let attribute = |name| entry.message_attributes().unwrap()[name].string_value();
        assert_eq!((attribute("type"), attribute("traceparent")), (Some("t"), Some(traceparent)));
        assert_eq!(entry.message_group_id(), Some(&*tenant.to_string()));
        assert_eq!(said("anything").message_attributes().unwrap().len(), 1, "it is no traceparent");
    }

    #[test]
    fn no_name_makes_a_message_that_sqs_refuses() {
        let said = json!({"specversion": "1.0", "id": uuid::Uuid::nil(), "source": "/services/auth", "type": "t",
            "time": "2026-01-01T00:00:00Z",
            "data": {"name": "a\u{fffe}b\u{ffff}c\u{fffd}\u{10ffff}\u{1}"}});
        let envelope: Envelope = serde_json::from_value(said).unwrap();
        let text = text(&envelope).unwrap();
        let is_taken = |c: char| {
            matches!(c,
            '\u{9}' | '\u{a}' | '\u{d}' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        };
        assert!(text.chars().all(is_taken), "{text:?}");
        assert_eq!(serde_json::from_str::<Envelope>(&text).unwrap(), envelope);
    }

    #[test]
    fn batches_keep_to_both_limits() {
        assert_eq!(batches(&[]), Vec::<Range<usize>>::new());
        assert_eq!(batches(&[1; 21]), [0..10, 10..20, 20..21]);
        assert_eq!(batches(&[BATCH_BYTES, 1, BATCH_BYTES - 1, 1]), [0..1, 1..3, 3..4]);
        assert_eq!(batches(&[1, BATCH_BYTES + 1, 1]), [0..1, 1..2, 2..3]);
    }
}
