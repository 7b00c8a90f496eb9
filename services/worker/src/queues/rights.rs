//! What operators need to see and mend queues, and how they are refused.

use access::{Allowed, Also, permissions};
use axum::http::StatusCode;
use common::problem::{Problem, RETRY_AFTER_OUTAGE};
use contracts::privacy::Sensitivity;
use messaging::console::ConsoleError;

permissions! {
    pub ReadQueues = platform "worker.readQueues",
    pub WriteQueues = platform "worker.writeQueues",
    pub ReadPayloads = platform "worker.readPayloads",
}

pub type Reader = Allowed<ReadQueues>;
pub type Mender = Allowed<WriteQueues>;
/// Who may read personal data of messages, too.
pub type MayReadPayloads = Also<ReadPayloads>;

/// What a caller is shown of a message, at most.
pub fn shown(may: &MayReadPayloads) -> Sensitivity {
    if may.granted { Sensitivity::Personal } else { Sensitivity::Harmless }
}

pub fn refused(error: ConsoleError) -> Problem {
    match error {
        ConsoleError::Unknown(queue) => {
            Problem::not_found("queue_not_found", format!("There is no queue called {queue}."))
        }
        ConsoleError::Refused(reason) => {
            tracing::info!(reason, "SQS refuses a message of an operator");
            let detail = "The queue does not take this message: it is too large, or has characters that SQS refuses.";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "message_refused", detail)
        }
        ConsoleError::NotSeen => Problem::conflict(
            "too_many_dead_letters",
            "There are more dead letters than one request goes through, and it was not among those. Send back or \
             delete others first, or try again.",
        ),
        ConsoleError::Away(error) => {
            tracing::warn!(error, "SQS is away for an operator");
            Problem::unavailable(RETRY_AFTER_OUTAGE, "The queues cannot be reached right now.")
        }
    }
}

pub fn no_such_letter() -> Problem {
    let detail = "There is no such dead letter: it was sent back, edited or deleted, or somebody else looks at it now.";
    Problem::not_found("dead_letter_not_found", detail)
}
