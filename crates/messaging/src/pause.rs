//! Pause of a queue by its operators: a tag of the queue itself, as services share no database.
//!
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueueTags.html>

use aws_sdk_sqs::error::DisplayErrorContext;
use std::time::Duration;
use tokio::{sync::watch, time::sleep};

/// A queue with this tag is paused; its value says since when (RFC 3339).
pub const PAUSED_TAG: &str = "paused";

/// Looks every `pause` whether the queue is paused, for ever. A look that fails changes nothing.
pub(crate) async fn watch(
    sqs: &aws_sdk_sqs::Client,
    queue_url: &str,
    queue: &'static str,
    pause: Duration,
    paused: watch::Sender<bool>,
) {
    loop {
        look(sqs, queue_url, queue, &paused).await;
        sleep(pause).await;
    }
}

/// One look; call it before anything is received.
pub(crate) async fn look(
    sqs: &aws_sdk_sqs::Client,
    queue_url: &str,
    queue: &'static str,
    paused: &watch::Sender<bool>,
) {
    match since(sqs, queue_url).await {
        Ok(since) => {
            let changed =
                paused.send_if_modified(|paused| std::mem::replace(paused, since.is_some()) != since.is_some());
            metrics::gauge!("queue_paused", "queue" => queue).set(f64::from(u8::from(since.is_some())));
            if changed {
                let sentence = if since.is_some() { "The queue is paused" } else { "The queue goes on" };
                tracing::info!(since, "{sentence}");
            }
        }
        Err(error) => {
            tracing::warn!(error = %DisplayErrorContext(&error), "Whether the queue is paused cannot be looked up");
        }
    }
}

/// Since when the queue is paused, as its tag says; `None` if it is not.
pub(crate) async fn since(
    sqs: &aws_sdk_sqs::Client,
    queue_url: &str,
) -> Result<Option<String>, aws_sdk_sqs::error::SdkError<aws_sdk_sqs::operation::list_queue_tags::ListQueueTagsError>> {
    let answer = sqs.list_queue_tags().queue_url(queue_url).send().await?;
    Ok(answer.tags.and_then(|mut tags| tags.remove(PAUSED_TAG)))
}
