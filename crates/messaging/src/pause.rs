//! Pause of a queue by its operators: a tag of the queue itself, as services share no database.
//!
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueueTags.html>

use aws_sdk_sqs::error::DisplayErrorContext;
use std::time::Duration;
use tokio::{sync::watch, time::sleep};

/// A queue with this tag is paused; its value says since when (RFC 3339).
pub const PAUSED_TAG: &str = "paused";
/// Who has paused it.
pub const PAUSED_BY_TAG: &str = "paused-by";

/// Since when a queue is paused (RFC 3339), and by whom, if it says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub since: String,
    pub by: Option<String>,
}

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
    match pause_of(sqs, queue_url).await {
        Ok(pause) => {
            let changed =
                paused.send_if_modified(|paused| std::mem::replace(paused, pause.is_some()) != pause.is_some());
            metrics::gauge!("queue_paused", "queue" => queue).set(f64::from(u8::from(pause.is_some())));
            if changed {
                let sentence = if pause.is_some() { "The queue is paused" } else { "The queue goes on" };
                tracing::info!(since = pause.map(|pause| pause.since), "{sentence}");
            }
        }
        Err(error) => {
            tracing::warn!(error = %DisplayErrorContext(&error), "Whether the queue is paused cannot be looked up");
        }
    }
}

/// The pause that the queue's tags tell of; `None` if it is not paused.
pub(crate) async fn pause_of(
    sqs: &aws_sdk_sqs::Client,
    queue_url: &str,
) -> Result<Option<Pause>, aws_sdk_sqs::error::SdkError<aws_sdk_sqs::operation::list_queue_tags::ListQueueTagsError>> {
    let mut tags = sqs.list_queue_tags().queue_url(queue_url).send().await?.tags.unwrap_or_default();
    let by = tags.remove(PAUSED_BY_TAG);
    Ok(tags.remove(PAUSED_TAG).map(|since| Pause { since, by }))
}
