//! One receive from a queue, and what becomes of it at shutdown.

use crate::{
    copy::ATTEMPTS,
    lease::{Lease, whole_seconds},
};
use aws_sdk_sqs::{
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    types::{Message, MessageSystemAttributeName},
};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A receive can hang when the connection is lost silently; this is the long poll and some.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(25);
/// A receive in flight at shutdown is waited for this long: dropping it may leave messages invisible for their
/// visibility timeout.
const RECEIVE_GRACE: Duration = Duration::from_secs(2);
/// What each receive asks for.
pub(crate) struct Poll<'a> {
    pub sqs: &'a aws_sdk_sqs::Client,
    pub queue_url: &'a str,
    pub visibility: Duration,
    pub long_poll: Duration,
}

impl Poll<'_> {
    /// Up to `places` messages, after at most one long poll.
    pub(crate) async fn receive(&self, places: usize, shutdown: &CancellationToken) -> anyhow::Result<Vec<Message>> {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(RECEIVE_TIMEOUT)
            .operation_timeout(RECEIVE_TIMEOUT)
            .build();
        let patient =
            aws_sdk_sqs::config::Config::builder().timeout_config(timeouts).retry_config(RetryConfig::disabled());
        let call = self.sqs.receive_message().queue_url(self.queue_url).max_number_of_messages(i32::try_from(places)?);
        let call =
            call.wait_time_seconds(whole_seconds(self.long_poll)).visibility_timeout(whole_seconds(self.visibility));
        let call = call.message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
        let call = call.message_attribute_names(ATTEMPTS);
        let mut receive = std::pin::pin!(call.customize().config_override(patient).send());
        let answer = tokio::select! {
            answer = &mut receive => answer,
            () = shutdown.cancelled() => match timeout(RECEIVE_GRACE, &mut receive).await {
                Ok(answer) => answer,
                Err(_) => return Ok(Vec::new()),
            },
        };
        Ok(answer?.messages.unwrap_or_default())
    }

    pub(crate) fn lease(&self, message: &Message) -> Lease {
        Lease {
            sqs: self.sqs.clone(),
            queue_url: self.queue_url.to_owned(),
            receipt: message.receipt_handle().unwrap_or_default().to_owned(),
            visibility: self.visibility,
        }
    }
}
