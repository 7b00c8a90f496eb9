//! Copies of messages, which travel on with what became of them: SQS lets nobody change a message, so a copy is sent
//! and the message deleted.
//!
//! A crash in between leaves both; the inbox lets one of them take effect.

use crate::{
    fingerprint,
    heartbeat::whole_seconds,
    publisher::{TRACEPARENT_ATTRIBUTE, TYPE_ATTRIBUTE},
};
use aws_sdk_sqs::{
    error::BuildError,
    operation::send_message::SendMessageError,
    types::{Message, MessageAttributeValue, MessageSystemAttributeName as System},
};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// How many attempts have failed by the message's own fault.
pub(crate) const ATTEMPTS: &str = "attempts";
/// Why the last attempt has failed, for the people who look at the dead-letter queue.
pub(crate) const REASON: &str = "reason";
/// What the reasons of one cause have in common ([`fingerprint`]).
pub(crate) const FINGERPRINT: &str = "fingerprint";
/// When the first of its copies was sent, in milliseconds since the epoch.
pub(crate) const SENT: &str = "sent";
/// What a consumer asks for with each message; with the two above fewer than ten, which is as many as a message of SQS
/// has.
pub(crate) const CARRIED: [&str; 4] = [ATTEMPTS, SENT, TYPE_ATTRIBUTE, TRACEPARENT_ATTRIBUTE];
/// Everything that a copy may say of itself.
pub(crate) const ALL: [&str; 6] = [ATTEMPTS, REASON, FINGERPRINT, SENT, TYPE_ATTRIBUTE, TRACEPARENT_ATTRIBUTE];
/// Longest reason that travels with a message, in bytes.
const LONGEST_REASON: usize = 1_000;
/// Most that a queue takes for a body with its attributes, in bytes, if it says nothing else; and if it has been made
/// to take all that SQS can.
const LARGEST_MESSAGES: [usize; 2] = [262_144, 1_048_576];
/// More than the names, types and values of all attributes but the reason.
const ATTRIBUTE_ROOM: usize = 400;
/// The longest delay that SQS knows.
const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// What a copy says of itself.
pub(crate) struct Note<'a> {
    pub queue: &'a str,
    /// Its type, if it is one of ours.
    pub kind: Option<&'a str>,
    pub attempts: u32,
    pub reason: &'a str,
}

/// How often SQS has delivered the message, this time included; approximately, as SQS says.
pub(crate) fn receives(message: &Message) -> u32 {
    system(message, &System::ApproximateReceiveCount).and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// When SQS took this copy.
pub(crate) fn sent(message: &Message) -> Option<DateTime<Utc>> {
    instant(system(message, &System::SentTimestamp))
}

/// Milliseconds since the epoch, as SQS writes them.
pub(crate) fn instant(millis: Option<&str>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(millis?.parse().ok()?)
}

/// How many attempts at the message, in all its copies, have failed by its own fault.
pub(crate) fn attempts(message: &Message) -> u32 {
    attribute(message, ATTEMPTS).and_then(|attempts| attempts.parse().ok()).unwrap_or(0)
}

pub(crate) fn attribute<'m>(message: &'m Message, name: &str) -> Option<&'m str> {
    message.message_attributes().and_then(|attributes| attributes.get(name))?.string_value()
}

pub(crate) fn system<'m>(message: &'m Message, name: &System) -> Option<&'m str> {
    message.attributes()?.get(name).map(String::as_str)
}

/// Sends a copy to `queue_url` that nobody gets before `wait` is over, or 15 minutes. The caller deletes the message.
pub(crate) async fn send(
    sqs: &aws_sdk_sqs::Client,
    message: &Message,
    queue_url: &str,
    note: &Note<'_>,
    wait: Duration,
) -> anyhow::Result<()> {
    let body = message.body().unwrap_or_default();
    let copy = sqs.send_message().queue_url(queue_url).message_body(body);
    let mut copy = copy.delay_seconds(whole_seconds(wait.min(LONGEST_DELAY)));
    let sent = attribute(message, SENT).or_else(|| system(message, &System::SentTimestamp));
    let (attempts, fingerprint) = (note.attempts.to_string(), fingerprint_of(note));
    let (kind, trace) = (note.kind, attribute(message, TRACEPARENT_ATTRIBUTE));
    let reason = tidy(note.reason, body.len());
    let reason = (!reason.is_empty()).then_some(&*reason);
    for (name, data_type, value) in [
        (ATTEMPTS, "Number", Some(&*attempts)),
        (REASON, "String", reason),
        (FINGERPRINT, "String", reason.map(|_| &*fingerprint)),
        (SENT, "Number", sent),
        (TYPE_ATTRIBUTE, "String", kind),
        (TRACEPARENT_ATTRIBUTE, "String", trace),
    ] {
        if let Some(value) = value {
            copy = copy.message_attributes(name, text(data_type, value)?);
        }
    }
    let group = system(message, &System::MessageGroupId).map(str::to_owned);
    copy.set_message_group_id(group).send().await?;
    Ok(())
}

/// Sends a copy to `queue_url` with the attributes of these names as they are, and perhaps another body; gives SQS's id
/// of it. The caller deletes the message.
pub(crate) async fn resend(
    sqs: &aws_sdk_sqs::Client,
    message: &Message,
    queue_url: &str,
    body: &str,
    kept: &[&str],
) -> Result<String, aws_sdk_sqs::error::SdkError<SendMessageError>> {
    let attributes = message.message_attributes().into_iter().flatten();
    let kept = attributes.filter(|(name, _)| kept.contains(&name.as_str()));
    let kept = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    let copy = sqs.send_message().queue_url(queue_url).message_body(body).set_message_attributes(Some(kept));
    let group = system(message, &System::MessageGroupId).map(str::to_owned);
    Ok(copy.set_message_group_id(group).send().await?.message_id.unwrap_or_default())
}

fn fingerprint_of(note: &Note<'_>) -> String {
    fingerprint::of(note.queue, note.kind.unwrap_or_default(), note.reason)
}

fn text(data_type: &str, value: &str) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type(data_type).string_value(value).build()
}

/// A reason that SQS takes as an attribute: without control characters and noncharacters, and short enough beside the
/// body. Empty if there is no room.
fn tidy(reason: &str, body: usize) -> String {
    let taken = body + ATTRIBUTE_ROOM;
    let largest = LARGEST_MESSAGES.into_iter().find(|largest| taken < *largest).unwrap_or_default();
    let room = largest.saturating_sub(taken).min(LONGEST_REASON);
    let mut tidied: String =
        reason.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')).collect();
    tidied.truncate(tidied.floor_char_boundary(room));
    if tidied.is_empty() && room > 0 { "no reason was given".chars().take(room).collect() } else { tidied }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_fit_to_be_an_attribute() {
        assert_eq!(tidy("bad\u{0}\nthi\u{fffe}n\u{ffff}g", 0), "badthing");
        assert_eq!(tidy(&"x".repeat(5_000), 0).len(), LONGEST_REASON);
        assert_eq!(tidy(&"ä".repeat(5_000), 0).len(), LONGEST_REASON);
        assert!(!tidy("", 0).is_empty());
        for largest in LARGEST_MESSAGES {
            assert_eq!(tidy(&"x".repeat(5_000), largest - ATTRIBUTE_ROOM - 7).len(), 7);
        }
        assert_eq!(tidy("any", LARGEST_MESSAGES[1]), "");
    }
}
