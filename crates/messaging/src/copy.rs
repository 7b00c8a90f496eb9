//! Copies of messages, which travel on with what became of them: SQS lets nobody change a message, so a copy is sent
//! and the message deleted.
//!
//! A crash in between leaves both; the inbox lets one of them take effect.

use crate::lease::{Lease, whole_seconds};
use aws_sdk_sqs::{
    operation::send_message::builders::SendMessageFluentBuilder,
    types::{Message, MessageAttributeValue, MessageSystemAttributeName},
};
use std::time::Duration;

/// How many attempts have failed by the message's own fault.
pub(crate) const ATTEMPTS: &str = "attempts";
/// Why the last attempt has failed, for the people who look at the dead-letter queue.
pub(crate) const REASON: &str = "reason";
/// Longest reason that travels with a message, in bytes.
const LONGEST_REASON: usize = 1_000;
/// Most that every queue takes for a body with its attributes, in bytes.
const LARGEST_MESSAGE: usize = 262_144;
/// More than the names, types and digits of both attributes.
const ATTRIBUTE_ROOM: usize = 100;

/// How often SQS has delivered the message, this time included; approximately, as SQS says.
pub(crate) fn receives(message: &Message) -> u32 {
    let count = message
        .attributes()
        .and_then(|attributes| attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount));
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// How many attempts at the message, in all its copies, have failed by its own fault.
pub(crate) fn attempts(message: &Message) -> u32 {
    let attempts = message
        .message_attributes()
        .and_then(|attributes| attributes.get(ATTEMPTS))
        .and_then(MessageAttributeValue::string_value);
    attempts.and_then(|attempts| attempts.parse().ok()).unwrap_or(0)
}

/// Replaces the message by a copy in `queue_url` that nobody gets before `wait` is over.
pub(crate) async fn replace(
    lease: &Lease,
    message: &Message,
    queue_url: &str,
    attempts: u32,
    reason: &str,
    wait: Duration,
) -> anyhow::Result<()> {
    let body = message.body().unwrap_or_default();
    let copy = lease.sqs.send_message().queue_url(queue_url).message_body(body).delay_seconds(whole_seconds(wait));
    with(copy, attempts, &tidy(reason, body.len()))?.send().await?;
    lease.delete().await;
    Ok(())
}

fn with(copy: SendMessageFluentBuilder, attempts: u32, reason: &str) -> anyhow::Result<SendMessageFluentBuilder> {
    let copy = copy.message_attributes(ATTEMPTS, attribute("Number", &attempts.to_string())?);
    Ok(if reason.is_empty() { copy } else { copy.message_attributes(REASON, attribute("String", reason)?) })
}

fn attribute(kind: &str, value: &str) -> anyhow::Result<MessageAttributeValue> {
    Ok(MessageAttributeValue::builder().data_type(kind).string_value(value).build()?)
}

/// A reason that SQS takes as an attribute: without control characters and noncharacters, and short enough beside the
/// body. Empty if there is no room.
fn tidy(reason: &str, body: usize) -> String {
    let room = LARGEST_MESSAGE.saturating_sub(body + ATTRIBUTE_ROOM).min(LONGEST_REASON);
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
        assert_eq!(tidy(&"x".repeat(5_000), LARGEST_MESSAGE - ATTRIBUTE_ROOM - 7).len(), 7);
        assert_eq!(tidy("any", LARGEST_MESSAGE), "");
    }
}
