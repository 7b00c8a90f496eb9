//! How does one answer serve many who ask the same, without being older than any of their questions? They share the next flight, never one that has left.
//!
//! Whoever asks while a flight for the same key is under way waits for it to land and goes with the next: what that flight reads, it reads after
//! the question. So at most one flight a key is in the air, whatever the number of those who ask. (Libraries for this let a caller join the flight
//! that is under way, which may have read what has been revoked since.)

use super::away;
use common::problem::{Problem, RETRY_AFTER_OUTAGE};
use futures_util::future::BoxFuture;
use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Semaphore, oneshot};

/// Those who wait at once; beyond, the service is overloaded and says so.
const MOST_WAITING: usize = 1024;

type Work<K, V> = Box<dyn Fn(K) -> BoxFuture<'static, Result<V, Problem>> + Send + Sync>;
type Passengers<V> = Vec<oneshot::Sender<Result<V, Problem>>>;

/// Asks once for all who want to know the same; cheap to clone. `K`: what is asked; `V`: the answer.
pub struct Flights<K, V>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    work: Work<K, V>,
    /// Flights in the air at once, over all keys.
    lanes: Semaphore,
    seats: Semaphore,
    /// Those who wait for the next flight of a key. The key is there as long as one is in the air.
    waiting: Mutex<HashMap<K, Passengers<V>>>,
}

impl<K, V> Clone for Flights<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Clone + Eq + Hash + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Flights<K, V> {
    /// `work` gives the answer, for at most `lanes` keys at once.
    pub fn new(
        lanes: usize,
        work: impl Fn(K) -> BoxFuture<'static, Result<V, Problem>> + Send + Sync + 'static,
    ) -> Self {
        let (lanes, seats) = (Semaphore::new(lanes), Semaphore::new(MOST_WAITING));
        Self(Arc::new(Inner { work: Box::new(work), lanes, seats, waiting: Mutex::default() }))
    }

    /// The answer, sought after this call began. 503 if too many wait already.
    pub async fn ask(&self, key: K) -> Result<V, Problem> {
        let _seat = self.0.seats.try_acquire().map_err(|_| full())?;
        let (passenger, landed) = oneshot::channel();
        match self.waiting().entry(key) {
            Entry::Occupied(mut queue) => queue.get_mut().push(passenger),
            Entry::Vacant(nobody) => {
                let key = nobody.key().clone();
                nobody.insert(vec![passenger]);
                // Not in this request: others depend on it, and this one may be given up.
                tokio::spawn(self.clone().fly(key));
            }
        }
        landed.await.unwrap_or_else(|_| Err(away()))
    }

    async fn fly(self, key: K) {
        loop {
            let lane = self.0.lanes.acquire().await;
            let Some(passengers) = self.board(&key) else { return };
            // A task of its own, so that a panic ends this flight and not all that follow.
            let answer = tokio::spawn((self.0.work)(key.clone())).await.unwrap_or_else(|_| Err(away()));
            drop(lane);
            for passenger in passengers {
                // A request that has been given up does not listen any more.
                let _ = passenger.send(answer.clone());
            }
        }
    }

    /// Those who have waited up to now; with nobody left there is no next flight.
    fn board(&self, key: &K) -> Option<Passengers<V>> {
        let mut waiting = self.waiting();
        let passengers = std::mem::take(waiting.get_mut(key)?);
        if passengers.is_empty() {
            waiting.remove(key);
            return None;
        }
        Some(passengers)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<K, Passengers<V>>> {
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

    /// Flights that read `truth` at once and land when told how many may.
    struct Airport {
        flights: Flights<u8, usize>,
        truth: Arc<AtomicUsize>,
        departed: watch::Receiver<usize>,
        may_land: watch::Sender<usize>,
    }

    fn airport(lanes: usize) -> Airport {
        let truth = Arc::new(AtomicUsize::new(1));
        let (departures, departed) = watch::channel(0);
        let (may_land, landing) = watch::channel(0);
        let read = Arc::clone(&truth);
        let flights = Flights::new(lanes, move |_| {
            let answer = read.load(SeqCst);
            let mut landing = landing.clone();
            let mut number = 0;
            departures.send_modify(|count| {
                *count += 1;
                number = *count;
            });
            Box::pin(async move {
                landing.wait_for(|may_land| *may_land >= number).await.unwrap();
                Ok(answer)
            })
        });
        Airport { flights, truth, departed, may_land }
    }

    #[tokio::test]
    async fn nobody_joins_a_flight_that_has_left() {
        let mut airport = airport(4);
        let flights = airport.flights.clone();
        let early = tokio::spawn(async move { flights.ask(7).await });
        airport.departed.wait_for(|count| *count == 1).await.unwrap();
        airport.truth.store(2, SeqCst);
        let late = join_all((0..50).map(|_| airport.flights.ask(7)));
        let landing = async { airport.may_land.send_replace(2) };
        let (late, _) = tokio::join!(late, landing);
        assert_eq!(early.await.unwrap(), Ok(1));
        assert!(late.iter().all(|answer| *answer == Ok(2)), "{late:?}");
        assert_eq!(*airport.departed.borrow(), 2, "fifty share one flight");
        assert!(airport.flights.waiting().is_empty());
    }

    #[tokio::test]
    async fn the_lanes_bound_what_is_in_the_air() {
        let mut airport = airport(2);
        let asking: Vec<_> = (0..10)
            .map(|key| {
                tokio::spawn({
                    let flights = airport.flights.clone();
                    async move { flights.ask(key).await }
                })
            })
            .collect();
        for landed in 0..5 {
            airport.departed.wait_for(|count| *count == 2 * landed + 2).await.unwrap();
            airport.may_land.send_replace(2 * landed + 2);
        }
        for answer in join_all(asking).await {
            assert_eq!(answer.unwrap(), Ok(1));
        }
    }

    #[tokio::test]
    async fn a_panic_ends_one_flight_only() {
        let calls = AtomicUsize::new(0);
        let flights: Flights<u8, usize> = Flights::new(1, move |_| {
            let call = calls.fetch_add(1, SeqCst);
            Box::pin(async move { if call == 0 { panic!("the first one") } else { Ok(call) } })
        });
        assert_eq!(flights.ask(1).await, Err(away()));
        assert_eq!(flights.ask(1).await, Ok(1));
    }

    #[tokio::test]
    async fn whoever_finds_no_seat_is_told_to_come_back() {
        let airport = airport(1);
        let asking: Vec<_> = (0..MOST_WAITING)
            .map(|_| {
                tokio::spawn({
                    let flights = airport.flights.clone();
                    async move { flights.ask(1).await }
                })
            })
            .collect();
        while airport.flights.0.seats.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = airport.flights.ask(1).await.unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_after), (503, Some(RETRY_AFTER_OUTAGE)));
        airport.may_land.send_replace(2);
        assert!(join_all(asking).await.into_iter().all(|answer| answer.unwrap() == Ok(1)));
    }
}
