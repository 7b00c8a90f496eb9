//! Ends of messages: deletions and hand-backs of one consumer, ten a call.
//!
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html>

use crate::heartbeat::{BATCH, Heartbeat, LONGEST_HOLD, Lease, entry, whole_seconds};
use aws_sdk_sqs::{
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    types::{BatchResultErrorEntry, DeleteMessageBatchRequestEntry},
};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, sleep, timeout_at},
};
use tokio_util::task::TaskTracker;

/// How long the first waits for others to share its call.
const LINGER: Duration = Duration::from_millis(20);
/// Calls under way at once.
const CALLS: usize = 8;
/// Ends that wait for a call; then handlers wait.
const WAITING: usize = 200;
/// Tries for an entry that SQS could not do just now.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(100);
/// Less than SQS lets anybody hold a message, as it counts from the receipt and so do we, a little later.
const MARGIN: Duration = Duration::from_secs(60);

/// What becomes of a message in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Deleted,
    HandedBack,
}

/// One message, with the seconds after which it may be received again.
struct Ending {
    lease: Lease,
    seconds: i32,
}

/// Where messages end; the calls end when every copy of it is dropped.
#[derive(Clone)]
pub(crate) struct Settling {
    deleted: mpsc::Sender<Ending>,
    handed_back: mpsc::Sender<Ending>,
}

impl Settling {
    /// Starts the tasks that make the calls.
    pub(crate) fn start(heartbeat: &Arc<Heartbeat>, tasks: &TaskTracker) -> Self {
        let batches = |end| {
            let (sender, receiver) = mpsc::channel(WAITING);
            tasks.spawn(collect(Arc::clone(heartbeat), end, receiver));
            sender
        };
        Self { deleted: batches(End::Deleted), handed_back: batches(End::HandedBack) }
    }

    /// Removes the message. If SQS cannot be told, it comes again and the inbox knows it.
    pub(crate) async fn delete(&self, lease: Lease) {
        let _ = self.deleted.send(Ending { lease, seconds: 0 }).await;
    }

    /// Lets the message be received again after `wait`, rounded up to seconds, at most 12 hours from its receipt. If
    /// SQS cannot be told, it comes back when its visibility ends.
    pub(crate) async fn hand_back(&self, lease: Lease, wait: Duration) {
        let most = LONGEST_HOLD.saturating_sub(lease.since.elapsed() + MARGIN);
        let seconds = whole_seconds(wait.min(most));
        let _ = self.handed_back.send(Ending { lease, seconds }).await;
    }
}

async fn collect(heartbeat: Arc<Heartbeat>, end: End, mut endings: mpsc::Receiver<Ending>) {
    let (calls, places) = (TaskTracker::new(), Arc::new(Semaphore::new(CALLS)));
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        if endings.recv_many(&mut batch, BATCH).await == 0 {
            break;
        }
        let until = Instant::now() + LINGER;
        while batch.len() < BATCH
            && let Ok(Some(ending)) = timeout_at(until, endings.recv()).await
        {
            batch.push(ending);
        }
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let heartbeat = Arc::clone(&heartbeat);
        calls.spawn(async move {
            settle(&heartbeat, end, batch).await;
            drop(place);
        });
    }
    calls.close();
    calls.wait().await;
}

/// Each entry has an answer of its own. One that is not ours any more stays as it is.
async fn settle(heartbeat: &Heartbeat, end: End, mut batch: Vec<Ending>) {
    for tried in 1..=TRIES {
        let failed = match send(heartbeat, end, &batch).await {
            Ok(failed) => failed,
            Err(error) => {
                tracing::warn!(error, messages = batch.len(), end = ?end, "Messages could not be settled; they are \
                    delivered again");
                return;
            }
        };
        if end == End::Deleted {
            heartbeat.stats.deleted(batch.len().saturating_sub(failed.len()) as u64);
        }
        let again: HashSet<usize> =
            failed.iter().filter(|entry| !entry.sender_fault()).filter_map(|entry| entry.id().parse().ok()).collect();
        if failed.len() > again.len() {
            tracing::warn!(messages = failed.len() - again.len(), end = ?end, "Messages were somebody else's when they \
                were settled");
        }
        let mut index = 0..;
        batch.retain(|_| index.next().is_some_and(|index| again.contains(&index)));
        if batch.is_empty() {
            return;
        }
        sleep(PAUSE * tried).await;
    }
    tracing::warn!(messages = batch.len(), end = ?end, "SQS did not settle messages; they are delivered again");
}

async fn send(heartbeat: &Heartbeat, end: End, batch: &[Ending]) -> Result<Vec<BatchResultErrorEntry>, String> {
    let Heartbeat { sqs, queue_url, .. } = heartbeat;
    let numbered = batch.iter().zip(0_u64..);
    match end {
        End::Deleted => {
            let entries = numbered.map(|(ending, index)| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
                entry.receipt_handle(&*ending.lease.receipt).build().expect("it has an id and a receipt")
            });
            let call = sqs.delete_message_batch().queue_url(queue_url).set_entries(Some(entries.collect()));
            Ok(call.send().await.map_err(why)?.failed)
        }
        End::HandedBack => {
            let entries = numbered.map(|(ending, index)| entry(index, &ending.lease.receipt, ending.seconds));
            let call = sqs.change_message_visibility_batch().queue_url(queue_url).set_entries(Some(entries.collect()));
            Ok(call.send().await.map_err(why)?.failed)
        }
    }
}

fn why<E: std::error::Error + ProvideErrorMetadata + 'static>(error: SdkError<E>) -> String {
    DisplayErrorContext(&error).to_string()
}
