//! Clients of SNS and SQS, and the names of our topics and queues, under one prefix.

use aws_config::{BehaviorVersion, timeout::TimeoutConfig};
use aws_sdk_sqs::{error::SdkError, operation::get_queue_url::GetQueueUrlError};
use contracts::topology::Topic;
use std::{sync::Arc, time::Duration};

/// Time to open a connection; a closed port answers at once, a lost route never does.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Time for one try of a call; the long poll has its own.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for a call with its retries, below the 25 s in which a process must have stopped.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// SNS and SQS of one deployment, whose resources all carry `prefix`; cheap to clone.
#[derive(Clone)]
pub struct Aws {
    pub sns: aws_sdk_sns::Client,
    pub sqs: aws_sdk_sqs::Client,
    prefix: Arc<str>,
    account_id: Arc<str>,
    region: Arc<str>,
}

impl Aws {
    /// Region, endpoint and credentials come from the SDK's usual places
    /// (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>).
    pub async fn from_env(prefix: &str, account_id: &str) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let config = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await;
        Self::new(&config, prefix, account_id)
    }

    /// From an SDK configuration made elsewhere.
    pub fn new(config: &aws_config::SdkConfig, prefix: &str, account_id: &str) -> Self {
        Self {
            sns: aws_sdk_sns::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
            prefix: prefix.into(),
            account_id: account_id.into(),
            // Without a region every call of the SDK fails and says so; nothing better can be said here.
            region: config.region().map(AsRef::as_ref).unwrap_or_default().into(),
        }
    }

    /// `{prefix}-{topic}`
    pub fn topic_name(&self, topic: Topic) -> String {
        format!("{}-{}", self.prefix, topic.name())
    }

    pub fn topic_arn(&self, topic: Topic) -> String {
        format!("arn:aws:sns:{}:{}:{}", self.region, self.account_id, self.topic_name(topic))
    }

    /// `{prefix}-{queue}`
    pub fn queue_name(&self, queue: &str) -> String {
        format!("{}-{queue}", self.prefix)
    }

    /// `{prefix}-{queue}-dead`, the dead-letter queue of `queue`.
    pub fn dead_queue_name(&self, queue: &str) -> String {
        format!("{}-{queue}-dead", self.prefix)
    }

    pub(crate) fn queue_arn(&self, full_name: &str) -> String {
        format!("arn:aws:sqs:{}:{}:{full_name}", self.region, self.account_id)
    }

    /// The URL of the queue called `full_name`, which includes the prefix.
    pub async fn queue_url(&self, full_name: &str) -> Result<String, QueueError> {
        let answer = self.sqs.get_queue_url().queue_name(full_name).send().await;
        let answer = answer.map_err(|source| QueueError { name: full_name.to_owned(), source: Box::new(source) })?;
        Ok(answer.queue_url.unwrap_or_default())
    }
}

/// A queue does not exist, or SQS cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("the queue {name} cannot be looked up")]
pub struct QueueError {
    name: String,
    source: Box<SdkError<GetQueueUrlError>>,
}

impl QueueError {
    /// Whether SQS has answered that there is no such queue.
    pub fn is_missing(&self) -> bool {
        self.source.as_service_error().is_some_and(GetQueueUrlError::is_queue_does_not_exist)
    }
}
