//! Heartbeat of one consumer: extends the visibility of everything that it holds, ten messages a call, from the receipt
//! on until they are deleted or handed back.
//!
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>

use crate::stats::Stats;
use aws_sdk_sqs::{error::DisplayErrorContext, types::ChangeMessageVisibilityBatchRequestEntry as Entry};
use common::ambient::Ambient;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, interval},
};
use tokio_util::sync::CancellationToken;

/// Extensions per visibility timeout, so that one may fail without losing the message.
const EXTENSIONS: u32 = 3;
/// Looks per visibility timeout for what is due.
const LOOKS: u32 = 12;
/// SQS takes at most ten entries a batch.
pub(crate) const BATCH: usize = 10;
/// SQS lets nobody hold a message for more than 12 hours from its receipt.
pub(crate) const LONGEST_HOLD: Duration = Duration::from_secs(12 * 3600);

/// What a consumer holds of a queue.
pub(crate) struct Heartbeat {
    pub sqs: aws_sdk_sqs::Client,
    pub queue_url: String,
    pub visibility: Duration,
    pub stats: Arc<Stats>,
    ambient: Ambient,
    held: Mutex<HashMap<u64, Hold>>,
    next: AtomicU64,
}

struct Hold {
    receipt: Arc<str>,
    since: Instant,
    ours_until: Instant,
    due: Instant,
    lost: CancellationToken,
}

/// The hold on one received message, until it is dropped.
pub(crate) struct Lease {
    pub receipt: Arc<str>,
    pub since: Instant,
    /// Cancelled when the message is somebody else's.
    pub lost: CancellationToken,
    key: u64,
    heartbeat: Arc<Heartbeat>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.heartbeat.held().remove(&self.key);
        self.heartbeat.stats.let_go();
    }
}

impl Heartbeat {
    pub(crate) fn new(
        sqs: aws_sdk_sqs::Client,
        queue_url: String,
        visibility: Duration,
        stats: Arc<Stats>,
        ambient: Ambient,
    ) -> Arc<Self> {
        let (held, next) = (Mutex::default(), AtomicU64::new(0));
        Arc::new(Self { sqs, queue_url, visibility, stats, ambient, held, next })
    }

    /// Holds what was received just now.
    pub(crate) fn hold(self: &Arc<Self>, receipt: &str) -> Lease {
        let (now, key) = (Instant::now(), self.next.fetch_add(1, Relaxed));
        let (receipt, lost) = (Arc::<str>::from(receipt), CancellationToken::new());
        let hold = Hold {
            receipt: Arc::clone(&receipt),
            since: now,
            ours_until: now + self.visibility,
            due: now + self.pause(),
            lost: lost.clone(),
        };
        self.held().insert(key, hold);
        self.stats.held();
        Lease { receipt, since: now, lost, key, heartbeat: Arc::clone(self) }
    }

    /// Extends again and again, for ever. A call that hangs holds up no other.
    pub(crate) async fn run(self: Arc<Self>) {
        let (mut looks, mut calls) = (interval(self.visibility / LOOKS), JoinSet::new());
        loop {
            looks.tick().await;
            while calls.try_join_next().is_some() {}
            let due = self.due(Instant::now());
            for batch in due.chunks(BATCH) {
                calls.spawn(Arc::clone(&self).extend(batch.to_vec()));
            }
        }
    }

    /// What is to be extended now. What ran out meanwhile is lost.
    fn due(&self, now: Instant) -> Vec<(u64, Arc<str>)> {
        let mut due = Vec::new();
        for (key, hold) in self.held().iter_mut() {
            if now >= hold.ours_until {
                hold.lost.cancel();
            } else if now >= hold.due && now + self.visibility < hold.since + LONGEST_HOLD {
                hold.due = now + self.pause();
                due.push((*key, Arc::clone(&hold.receipt)));
            }
        }
        due
    }

    async fn extend(self: Arc<Self>, batch: Vec<(u64, Arc<str>)>) {
        let (asked, seconds) = (Instant::now(), whole_seconds(self.visibility));
        let entries = batch.iter().map(|(key, receipt)| entry(*key, receipt, seconds)).collect();
        let call = self.sqs.change_message_visibility_batch().queue_url(&self.queue_url);
        let answer = match call.set_entries(Some(entries)).send().await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(error = %DisplayErrorContext(&error), messages = batch.len(), "The visibility of \
                    messages could not be extended");
                return;
            }
        };
        let mut held = self.held();
        for success in answer.successful() {
            if let Some(hold) = success.id().parse().ok().and_then(|key: u64| held.get_mut(&key)) {
                hold.ours_until = asked + self.visibility;
            }
        }
        for failure in answer.failed() {
            let hold = failure.id().parse().ok().and_then(|key: u64| held.get(&key));
            if let Some(hold) = hold.filter(|_| failure.sender_fault()) {
                hold.lost.cancel();
            }
        }
    }

    /// A third of the visibility, or up to a quarter less: what was received together need not be extended together.
    fn pause(&self) -> Duration {
        let random = f64::from(u16::from_le_bytes(self.ambient.bytes())) / f64::from(u16::MAX);
        (self.visibility / EXTENSIONS).mul_f64(1.0 - random / 4.0)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<u64, Hold>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One entry of a batch; its id says whose answer is whose.
pub(crate) fn entry(id: u64, receipt: &str, seconds: i32) -> Entry {
    let entry = Entry::builder().id(id.to_string()).receipt_handle(receipt).visibility_timeout(seconds);
    entry.build().expect("it has an id and a receipt")
}

/// Whole seconds, rounded up, as SQS counts visibility.
pub(crate) fn whole_seconds(wait: Duration) -> i32 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    seconds.try_into().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visibility_is_rounded_up() {
        assert_eq!([0, 1, 999, 1000, 1001].map(|ms| whole_seconds(Duration::from_millis(ms))), [0, 1, 1, 1, 2]);
    }

    #[tokio::test]
    async fn what_is_held_is_due_in_time_and_not_for_longer_than_sqs_lets_anybody() {
        let sqs = aws_sdk_sqs::Client::new(&aws_config::SdkConfig::builder().build());
        let heartbeat = Heartbeat::new(sqs, String::new(), Duration::from_secs(30), Arc::default(), Ambient::system());
        let lease = heartbeat.hold("r");
        let after = |seconds| lease.since + Duration::from_secs(seconds);
        assert_eq!(heartbeat.due(after(7)).len(), 0);
        assert_eq!(heartbeat.due(after(11)).len(), 1);
        assert_eq!(heartbeat.due(after(12)).len(), 0, "it was asked for just now");
        assert_eq!(heartbeat.due(after(22)).len(), 1, "and no answer has come");
        assert!(!lease.lost.is_cancelled());
        assert_eq!(heartbeat.due(after(30)).len(), 0);
        assert!(lease.lost.is_cancelled());
        heartbeat.held().get_mut(&lease.key).unwrap().ours_until = after(12 * 3600 + 1);
        assert_eq!(heartbeat.due(after(12 * 3600 - 1)).len(), 0);
        assert_eq!(heartbeat.stats.last_minute().in_flight, 1);
        drop(lease);
        assert!(heartbeat.held().is_empty() && heartbeat.stats.last_minute().in_flight == 0);
    }
}
