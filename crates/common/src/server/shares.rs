//! Shares of a listener's connections: each has as many as there are, until it is full; then whoever has most gives one
//! up.
//!
//! So no source can use up the bound for another one, and none has a limit of its own: behind a load balancer all
//! callers come from its few addresses.

use super::activity::{Activity, Phase};
use crate::source::Source;
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// The connections of one listener.
pub(super) struct Shares {
    listener: &'static str,
    most: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    next: u64,
    total: usize,
    /// By source, and there in the order in which they were opened.
    by_source: HashMap<Source, BTreeMap<u64, Connection>>,
}

struct Connection {
    activity: Activity,
    /// Dropped when the connection must make room.
    _hold: oneshot::Sender<()>,
}

/// A connection's place, given back when dropped.
pub(super) struct Seat {
    shares: Arc<Shares>,
    source: Source,
    number: u64,
}

impl Shares {
    pub fn new(listener: &'static str, most: usize) -> Arc<Self> {
        Arc::new(Self { listener, most, held: Mutex::default() })
    }

    /// A place for a new connection of `peer`, and what resolves when it must make room; `None` if it cannot have one.
    pub fn take(self: &Arc<Self>, peer: IpAddr, activity: &Activity) -> Option<(Seat, oneshot::Receiver<()>)> {
        let source = Source::from(peer);
        let mut held = self.held();
        if held.total >= self.most && !held.make_room(Some(source)) {
            return None;
        }
        let (hold, displaced) = oneshot::channel();
        let number = held.next;
        held.next += 1;
        held.total += 1;
        held.by_source
            .entry(source)
            .or_default()
            .insert(number, Connection { activity: activity.clone(), _hold: hold });
        self.tell(&held);
        Some((Seat { shares: Arc::clone(self), source, number }, displaced))
    }

    /// Closes a connection that can best be spared, whoever comes next.
    pub fn shrink(&self) {
        self.held().make_room(None);
    }

    fn tell(&self, held: &Held) {
        metrics::gauge!("http_connections", "listener" => self.listener).set(held.total as f64);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// The source with most connections gives up the one that has been without a request for longest. If all of them
    /// have one, then its oldest, but only for a newcomer who stays below it: an overload does not end requests for the
    /// sake of others.
    fn make_room(&mut self, newcomer: Option<Source>) -> bool {
        let Some((&largest, connections)) = self.by_source.iter().max_by_key(|(_, connections)| connections.len())
        else {
            return false;
        };
        let without_request = connections.iter().filter(|(_, connection)| connection.activity.phase() != Phase::Busy);
        let spare =
            without_request.min_by_key(|(_, connection)| connection.activity.since()).map(|(number, _)| *number);
        let below = newcomer
            .is_some_and(|newcomer| self.by_source.get(&newcomer).map_or(0, BTreeMap::len) + 1 < connections.len());
        let oldest = connections.keys().next().copied().filter(|_| below);
        spare.or(oldest).is_some_and(|number| self.remove(largest, number))
    }

    fn remove(&mut self, source: Source, number: u64) -> bool {
        let Some(connections) = self.by_source.get_mut(&source) else { return false };
        let removed = connections.remove(&number).is_some();
        if connections.is_empty() {
            self.by_source.remove(&source);
        }
        self.total -= usize::from(removed);
        removed
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut held = self.shares.held();
        held.remove(self.source, self.number);
        self.shares.tell(&held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Limits;

    type Taken = Option<(Seat, oneshot::Receiver<()>)>;

    fn take(shares: &Arc<Shares>, peer: &str, busy: bool) -> (Taken, Option<super::super::activity::Exchange>) {
        let activity = Activity::new(&Limits::default());
        let exchange = busy.then(|| activity.begin(false));
        (shares.take(peer.parse().unwrap(), &activity), exchange)
    }

    fn displaced(taken: &mut Taken) -> bool {
        taken.as_mut().unwrap().1.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn whoever_has_most_makes_room_and_a_request_goes_last() {
        let shares = Shares::new("api", 3);
        let (mut busy, _request) = take(&shares, "10.0.0.1", true);
        let (mut first, _) = take(&shares, "10.0.0.1", false);
        let (mut second, _) = take(&shares, "10.0.0.1", false);
        let (mut other, _) = take(&shares, "10.0.0.2", false);
        assert_eq!(
            [displaced(&mut busy), displaced(&mut first), displaced(&mut second), displaced(&mut other)],
            [false, true, false, false]
        );
        let (mut own, _) = take(&shares, "10.0.0.1", false);
        assert_eq!(
            [displaced(&mut busy), displaced(&mut second), displaced(&mut own), displaced(&mut other)],
            [false, true, false, false]
        );
    }

    #[test]
    fn requests_end_only_for_a_source_that_has_less() {
        let shares = Shares::new("api", 3);
        let mut held: Vec<_> = (0..3).map(|_| take(&shares, "10.0.0.1", true)).collect();
        assert!(take(&shares, "10.0.0.1", false).0.is_none(), "an overload of one's own");
        assert!(take(&shares, "10.0.0.2", true).0.is_some());
        assert_eq!(held.iter_mut().map(|(taken, _)| displaced(taken)).collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn places_are_given_back() {
        let shares = Shares::new("api", 1);
        for _ in 0..3 {
            assert!(take(&shares, "10.0.0.1", true).0.is_some());
        }
        assert!(shares.held().by_source.is_empty() && shares.held().total == 0);
    }
}
