//! Background loops: woken by a commit of this process, else polling, and backing off while something is away.
//!
//! ```text
//! while poller.next().await {                                 // false after the order to stop
//!     poller.report(pass(&app).await, "Mails wait for the database");
//! }
//! ```

use crate::{backoff::Backoff, problem::Chain};
use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;

/// Waits while what a pass needs is away: soon again, but not hammering what is down.
const AWAY: Backoff = Backoff { base: Duration::from_millis(200), factor: 2, cap: Duration::from_secs(5) };

/// Wakes one loop, or if none waits just now, the next that would; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// There is something to do.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// The wake-ups of one process, by the name of what there is to do.
#[derive(Debug, Default)]
pub(crate) struct Wakes(Mutex<HashMap<&'static str, Wake>>);

impl Wakes {
    pub(crate) fn get(&self, work: &'static str) -> Wake {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(work).or_default().clone()
    }
}

/// When the next pass of a loop begins.
pub struct Poller {
    wake: Wake,
    poll: Duration,
    shutdown: CancellationToken,
    linger: Duration,
    failures: u32,
    next: Next,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    AtOnce,
    WhenWoken,
    After(Duration),
}

impl Poller {
    /// A loop that looks at once, whenever it is woken, and every `poll`: what other processes commit wakes nobody
    /// here.
    pub fn new(wake: Wake, poll: Duration, shutdown: CancellationToken) -> Self {
        Self { wake, poll, shutdown, linger: Duration::ZERO, failures: 0, next: Next::AtOnce }
    }

    /// Once woken, it waits so long for what else comes, and does all of it in one pass.
    pub fn lingering(self, linger: Duration) -> Self {
        Self { linger, ..self }
    }

    /// A loop that looks at once and every `poll`.
    pub fn every(poll: Duration, shutdown: CancellationToken) -> Self {
        Self::new(Wake::default(), poll, shutdown)
    }

    /// Waits for the next pass; `false` once the order to stop has come.
    pub async fn next(&mut self) -> bool {
        let due = async {
            match self.next {
                Next::AtOnce => {}
                Next::WhenWoken => tokio::select! {
                    // To sleep for no time at all takes a millisecond.
                    () = self.wake.0.notified() => if !self.linger.is_zero() { sleep(self.linger).await },
                    () = sleep(self.poll) => {}
                },
                Next::After(wait) => sleep(wait).await,
            }
        };
        self.shutdown.run_until_cancelled(due).await.is_some() && !self.shutdown.is_cancelled()
    }

    /// Takes what a pass came to: whether there may be more to do at once, or an error, which is logged with
    /// `sentence`.
    pub fn report<E: Error>(&mut self, pass: Result<bool, E>, sentence: &'static str) {
        match pass {
            Ok(more) => self.done(more),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), failures = self.failures + 1, "{sentence}");
                self.failed();
            }
        }
    }

    /// As [`Poller::report`] of a pass that went well.
    pub fn done(&mut self, more: bool) {
        self.failures = 0;
        self.next = if more { Next::AtOnce } else { Next::WhenWoken };
    }

    /// As [`Poller::report`] of a pass that failed, and whose error is logged.
    pub fn failed(&mut self) {
        self.failures += 1;
        self.next = Next::After(AWAY.ceiling(self.failures));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use tokio::time::Instant;

    const LONG: Duration = Duration::from_secs(3600);

    fn away() -> Result<bool, io::Error> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    #[tokio::test]
    async fn a_wake_ends_the_wait_also_one_that_came_before_it() {
        let wakes = Wakes::default();
        let mut poller = Poller::new(wakes.get("work"), LONG, CancellationToken::new());
        assert!(poller.next().await, "the first look needs no wake");
        wakes.get("other").wake();
        wakes.get("work").wake();
        poller.done(false);
        assert!(poller.next().await);
        poller.done(false);
        let waits = tokio::spawn(async move { poller.next().await });
        wakes.get("work").wake();
        assert!(waits.await.unwrap());
    }

    #[tokio::test]
    async fn whoever_lingers_waits_for_what_else_comes() {
        let (wake, linger) = (Wake::default(), Duration::from_millis(2));
        let mut poller = Poller::new(wake.clone(), LONG, CancellationToken::new()).lingering(linger);
        poller.done(false);
        wake.wake();
        let started = Instant::now();
        assert!(poller.next().await && started.elapsed() >= linger);
    }

    #[tokio::test]
    async fn whoever_is_not_woken_polls_and_whoever_fails_waits_ever_longer() {
        let mut poller = Poller::every(Duration::from_millis(1), CancellationToken::new());
        poller.done(false);
        let started = Instant::now();
        assert!(poller.next().await && started.elapsed() >= Duration::from_millis(1));
        for wait in [200, 400, 800, 1_600, 3_200, 5_000, 5_000] {
            poller.report(away(), "It is away");
            assert_eq!(poller.next, Next::After(Duration::from_millis(wait)));
        }
        poller.done(true);
        assert_eq!((poller.failures, poller.next), (0, Next::AtOnce));
    }

    #[tokio::test]
    async fn the_order_to_stop_ends_the_wait_and_the_loop() {
        let shutdown = CancellationToken::new();
        let mut poller = Poller::every(LONG, shutdown.clone());
        poller.done(false);
        let waits = tokio::spawn(async move { (poller.next().await, poller) });
        shutdown.cancel();
        let (went_on, mut poller) = waits.await.unwrap();
        poller.done(true);
        assert!(!went_on && !poller.next().await);
    }
}
