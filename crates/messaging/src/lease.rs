//! Lease on one received message: ours while its visibility is extended, and until it is deleted or handed back.
//!
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>

use aws_sdk_sqs::{error::DisplayErrorContext, operation::change_message_visibility::ChangeMessageVisibilityError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Extensions per visibility timeout, so that one may fail without losing the message.
const EXTENSIONS: u32 = 3;

/// The hold on one received message of a queue.
pub(crate) struct Lease {
    pub sqs: aws_sdk_sqs::Client,
    pub queue_url: String,
    pub receipt: String,
    pub visibility: Duration,
}

impl Lease {
    /// Extends the visibility again and again; ends only when the message is somebody else's.
    pub(crate) async fn keep(&self) {
        let mut ours_until = Instant::now() + self.visibility;
        loop {
            sleep(self.visibility / EXTENSIONS).await;
            let asked = Instant::now();
            match self.change_visibility(self.visibility).await {
                Ok(()) => ours_until = asked + self.visibility,
                Err(error) if error.as_service_error().is_some_and(is_lost) => return,
                Err(_) if Instant::now() >= ours_until => return,
                Err(error) => {
                    tracing::warn!(error = %DisplayErrorContext(&error), "The message's visibility could not be \
                        extended")
                }
            }
        }
    }

    /// Lets the message be received again after `wait`, rounded up to seconds. If SQS cannot be told, it comes back
    /// when its visibility ends.
    pub(crate) async fn hand_back(&self, wait: Duration) {
        if let Err(error) = self.change_visibility(wait).await {
            tracing::warn!(error = %DisplayErrorContext(&error), "The message could not be handed back; it returns \
                when its visibility ends");
        }
    }

    /// Removes the message. If SQS cannot be told, it comes again and the inbox knows it.
    pub(crate) async fn delete(&self) {
        if let Err(error) =
            self.sqs.delete_message().queue_url(&self.queue_url).receipt_handle(&self.receipt).send().await
        {
            tracing::warn!(error = %DisplayErrorContext(&error), "The message could not be deleted; it will be \
                delivered again");
        }
    }

    async fn change_visibility(
        &self,
        visibility: Duration,
    ) -> Result<(), aws_sdk_sqs::error::SdkError<ChangeMessageVisibilityError>> {
        let call = self.sqs.change_message_visibility().queue_url(&self.queue_url).receipt_handle(&self.receipt);
        call.visibility_timeout(whole_seconds(visibility)).send().await.map(drop)
    }
}

/// Whole seconds, rounded up, as SQS counts visibility.
pub(crate) fn whole_seconds(wait: Duration) -> i32 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    seconds.try_into().unwrap_or(i32::MAX)
}

fn is_lost(error: &ChangeMessageVisibilityError) -> bool {
    error.is_message_not_inflight() || error.is_receipt_handle_is_invalid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visibility_is_rounded_up() {
        assert_eq!([0, 1, 999, 1000, 1001].map(|ms| whole_seconds(Duration::from_millis(ms))), [0, 1, 1, 1, 2]);
    }
}
