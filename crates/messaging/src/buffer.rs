//! Buffer of one consumer: messages that were received and not begun. Bounded, and every message in it is kept ours by
//! the heartbeat.

use crate::{
    effect::{Parsed, Unfit},
    heartbeat::Lease,
};
use aws_sdk_sqs::types::Message;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout,
};

/// Bytes of bodies above which nothing is received; ten more of 1 MiB each may be under way.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// A message that is ours.
pub(crate) struct Held {
    pub message: Message,
    pub content: Result<Parsed, Unfit>,
    pub lease: Lease,
    /// Shared a commit that came to nothing, so it is handled by itself.
    pub alone: bool,
    /// Dropped when the message is settled, for whoever waits to see what becomes of it.
    pub probe: Option<oneshot::Sender<()>>,
}

impl Held {
    /// Whether it may share a commit with others.
    pub(crate) fn shares(&self) -> bool {
        !self.alone && self.content.as_ref().is_ok_and(|parsed| parsed.shares_commit)
    }

    fn bytes(&self) -> usize {
        self.message.body().map_or(0, str::len)
    }
}

pub(crate) struct Buffer {
    waiting: Mutex<VecDeque<(Held, Option<OwnedSemaphorePermit>)>>,
    bytes: AtomicUsize,
    places: Arc<Semaphore>,
    together: usize,
    linger: Duration,
    arrived: Notify,
    left: Notify,
}

impl Buffer {
    /// With room for so many messages, of which so many may share a commit. The first waits for so long for others to
    /// share it.
    pub(crate) fn new(places: usize, together: usize, linger: Duration) -> Self {
        Self {
            waiting: Mutex::default(),
            bytes: AtomicUsize::new(0),
            places: Arc::new(Semaphore::new(places)),
            together,
            linger,
            arrived: Notify::new(),
            left: Notify::new(),
        }
    }

    /// So many places, once they are free; `None` never comes.
    pub(crate) async fn places(&self, count: u32) -> Option<OwnedSemaphorePermit> {
        loop {
            let places = Arc::clone(&self.places).acquire_many_owned(count).await.ok()?;
            let left = self.left.notified();
            if self.bytes.load(SeqCst) < MOST_BYTES {
                return Some(places);
            }
            drop(places);
            left.await;
        }
    }

    /// Puts a message into a place.
    pub(crate) fn put(&self, held: Held, place: Option<OwnedSemaphorePermit>) {
        self.bytes.fetch_add(held.bytes(), SeqCst);
        self.waiting().push_back((held, place));
        self.arrived.notify_one();
    }

    /// Puts back what was begun and did not get far, before all others.
    pub(crate) fn put_back(&self, messages: Vec<Held>) {
        let mut waiting = self.waiting();
        for held in messages.into_iter().rev() {
            self.bytes.fetch_add(held.bytes(), SeqCst);
            waiting.push_front((held, None));
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// The next message, as soon as there is one; with all that follow it and may share its commit.
    pub(crate) async fn take(&self) -> Vec<Held> {
        loop {
            self.until_waiting(1).await;
            if !self.linger.is_zero() {
                let _ = timeout(self.linger, self.until_waiting(self.together)).await;
            }
            let taken = self.take_now();
            if !taken.is_empty() {
                return taken;
            }
        }
    }

    async fn until_waiting(&self, many: usize) {
        loop {
            let arrived = self.arrived.notified();
            if self.waiting().len() >= many {
                return;
            }
            arrived.await;
        }
    }

    fn take_now(&self) -> Vec<Held> {
        let mut waiting = self.waiting();
        let Some((first, _)) = waiting.pop_front() else { return Vec::new() };
        let (shares, mut taken) = (first.shares(), vec![first]);
        while shares && taken.len() < self.together && waiting.front().is_some_and(|(next, _)| next.shares()) {
            taken.extend(waiting.pop_front().map(|(next, _)| next));
        }
        drop(waiting);
        self.bytes.fetch_sub(taken.iter().map(Held::bytes).sum(), SeqCst);
        self.left.notify_waiters();
        taken
    }

    /// Everything that waits.
    pub(crate) fn drain(&self) -> Vec<Held> {
        let waiting = std::mem::take(&mut *self.waiting());
        let drained: Vec<_> = waiting.into_iter().map(|(held, _)| held).collect();
        self.bytes.fetch_sub(drained.iter().map(Held::bytes).sum(), SeqCst);
        self.left.notify_waiters();
        drained
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<(Held, Option<OwnedSemaphorePermit>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
