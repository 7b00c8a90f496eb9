//! Single-flight for questions whose answer must not be older than the question.
//!
//! Whoever asks while a call for the same key runs waits for its end and shares the next call: what that one reads, it
//! reads after the question. So at most one call a key runs, however many ask. (Libraries for this let a caller share
//! the call that already runs, which may have read what has been revoked since.)

use super::away;
use common::problem::{Problem, RETRY_AFTER_OUTAGE};
use futures_util::future::BoxFuture;
use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Semaphore, oneshot};

/// Waiters at once; beyond, the service is overloaded and says so.
const MOST_WAITING: usize = 1024;

type Work<K, V> = Box<dyn Fn(K) -> BoxFuture<'static, Result<V, Problem>> + Send + Sync>;
type Waiters<V> = Vec<oneshot::Sender<Result<V, Problem>>>;

/// Asks once for all who want to know the same; cheap to clone. `K`: what is asked; `V`: the answer.
pub struct SingleFlight<K, V>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    work: Work<K, V>,
    /// Calls at once, over all keys.
    calls: Semaphore,
    places: Semaphore,
    /// Those who wait for the next call of a key. The key is there as long as a call for it runs.
    waiting: Mutex<HashMap<K, Waiters<V>>>,
}

impl<K, V> Clone for SingleFlight<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Clone + Eq + Hash + Send + Sync + 'static, V: Clone + Send + Sync + 'static> SingleFlight<K, V> {
    /// `work` gives the answer, for at most `calls` keys at once.
    pub fn new(
        calls: usize,
        work: impl Fn(K) -> BoxFuture<'static, Result<V, Problem>> + Send + Sync + 'static,
    ) -> Self {
        let (calls, places) = (Semaphore::new(calls), Semaphore::new(MOST_WAITING));
        Self(Arc::new(Inner { work: Box::new(work), calls, places, waiting: Mutex::default() }))
    }

    /// The answer, sought after this call began. 503 if too many wait already.
    pub async fn ask(&self, key: K) -> Result<V, Problem> {
        let _place = self.0.places.try_acquire().map_err(|_| full())?;
        let (waiter, answer) = oneshot::channel();
        match self.waiting().entry(key) {
            Entry::Occupied(mut queue) => queue.get_mut().push(waiter),
            Entry::Vacant(nobody) => {
                let key = nobody.key().clone();
                nobody.insert(vec![waiter]);
                // Not in this request: others depend on it, and this one may be given up.
                tokio::spawn(self.clone().serve(key));
            }
        }
        answer.await.unwrap_or_else(|_| Err(away()))
    }

    async fn serve(self, key: K) {
        loop {
            let permit = self.0.calls.acquire().await;
            let Some(waiters) = self.take_waiters(&key) else { return };
            // A task of its own, so that a panic ends this call and not all that follow.
            let answer = tokio::spawn((self.0.work)(key.clone())).await.unwrap_or_else(|_| Err(away()));
            drop(permit);
            for waiter in waiters {
                // A request that has been given up does not listen any more.
                let _ = waiter.send(answer.clone());
            }
        }
    }

    /// Those who have waited up to now; with nobody left there is no next call.
    fn take_waiters(&self, key: &K) -> Option<Waiters<V>> {
        let mut waiting = self.waiting();
        let waiters = std::mem::take(waiting.get_mut(key)?);
        if waiters.is_empty() {
            waiting.remove(key);
            return None;
        }
        Some(waiters)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<K, Waiters<V>>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn full() -> Problem {
    Problem::unavailable(RETRY_AFTER_OUTAGE, "Too many requests wait for a permission check right now.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use tokio::sync::watch;

    /// Calls that read `truth` at once and end when told how many may.
    struct Calls {
        single_flight: SingleFlight<u8, usize>,
        truth: Arc<AtomicUsize>,
        started: watch::Receiver<usize>,
        may_end: watch::Sender<usize>,
    }

    fn held_calls(at_once: usize) -> Calls {
        let truth = Arc::new(AtomicUsize::new(1));
        let (starts, started) = watch::channel(0);
        let (may_end, ending) = watch::channel(0);
        let read = Arc::clone(&truth);
        let single_flight = SingleFlight::new(at_once, move |_| {
            let answer = read.load(SeqCst);
            let mut ending = ending.clone();
            let mut number = 0;
            starts.send_modify(|count| {
                *count += 1;
                number = *count;
            });
            Box::pin(async move {
                ending.wait_for(|may_end| *may_end >= number).await.unwrap();
                Ok(answer)
            })
        });
        Calls { single_flight, truth, started, may_end }
    }

    #[tokio::test]
    async fn nobody_joins_a_call_that_runs() {
        let mut calls = held_calls(4);
        let single_flight = calls.single_flight.clone();
        let early = tokio::spawn(async move { single_flight.ask(7).await });
        calls.started.wait_for(|count| *count == 1).await.unwrap();
        calls.truth.store(2, SeqCst);
        let late = join_all((0..50).map(|_| calls.single_flight.ask(7)));
        let ending = async { calls.may_end.send_replace(2) };
        let (late, _) = tokio::join!(late, ending);
        assert_eq!(early.await.unwrap(), Ok(1));
        assert!(late.iter().all(|answer| *answer == Ok(2)), "{late:?}");
        assert_eq!(*calls.started.borrow(), 2, "fifty share one call");
        assert!(calls.single_flight.waiting().is_empty());
    }

    #[tokio::test]
    async fn calls_at_once_are_bounded() {
        let mut calls = held_calls(2);
        let asking: Vec<_> = (0..10)
            .map(|key| {
                tokio::spawn({
                    let single_flight = calls.single_flight.clone();
                    async move { single_flight.ask(key).await }
                })
            })
            .collect();
        for ended in 0..5 {
            calls.started.wait_for(|count| *count == 2 * ended + 2).await.unwrap();
            calls.may_end.send_replace(2 * ended + 2);
        }
        for answer in join_all(asking).await {
            assert_eq!(answer.unwrap(), Ok(1));
        }
    }

    #[tokio::test]
    async fn a_panic_ends_one_call_only() {
        let calls = AtomicUsize::new(0);
        let single_flight: SingleFlight<u8, usize> = SingleFlight::new(1, move |_| {
            let call = calls.fetch_add(1, SeqCst);
            Box::pin(async move { if call == 0 { panic!("the first one") } else { Ok(call) } })
        });
        assert_eq!(single_flight.ask(1).await, Err(away()));
        assert_eq!(single_flight.ask(1).await, Ok(1));
    }

    #[tokio::test]
    async fn whoever_finds_no_place_is_told_to_come_back() {
        let calls = held_calls(1);
        let asking: Vec<_> = (0..MOST_WAITING)
            .map(|_| {
                tokio::spawn({
                    let single_flight = calls.single_flight.clone();
                    async move { single_flight.ask(1).await }
                })
            })
            .collect();
        while calls.single_flight.0.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = calls.single_flight.ask(1).await.unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_after), (503, Some(RETRY_AFTER_OUTAGE)));
        calls.may_end.send_replace(2);
        assert!(join_all(asking).await.into_iter().all(|answer| answer.unwrap() == Ok(1)));
    }
}
