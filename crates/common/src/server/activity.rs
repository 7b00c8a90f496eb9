//! State of a connection: what is it doing, and how long may that take? Bytes that are read and requests that begin and
//! end say so.

use super::limits::Limits;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;

/// The state of one connection, shared with its requests; cheap to clone.
#[derive(Clone)]
pub(super) struct Activity(Arc<Inner>);

struct Inner {
    times: Times,
    state: Mutex<State>,
}

struct Times {
    head: Duration,
    idle: Duration,
    exchange: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A head is expected, or has begun: the connection is new, or bytes have come since its last answer.
    Head,
    /// Between two requests.
    Idle,
    /// At least one request has not been answered to its end.
    Busy,
}

struct State {
    phase: Phase,
    since: Instant,
    requests: u32,
    /// HTTP/2, whose peers send frames without wanting anything.
    multiplexed: bool,
}

impl Activity {
    pub fn new(limits: &Limits) -> Self {
        let times = Times { head: limits.head, idle: limits.idle, exchange: limits.exchange };
        let state = State { phase: Phase::Head, since: Instant::now(), requests: 0, multiplexed: false };
        Self(Arc::new(Inner { times, state: Mutex::new(state) }))
    }

    pub fn phase(&self) -> Phase {
        self.state().phase
    }

    pub fn since(&self) -> Instant {
        self.state().since
    }

    /// When what it is doing has taken too long.
    pub fn deadline(&self) -> Instant {
        let (state, times) = (self.state(), &self.0.times);
        state.since
            + match state.phase {
                Phase::Head => times.head,
                Phase::Idle => times.idle,
                Phase::Busy => times.exchange,
            }
    }

    /// A request's head is complete; the request lasts until the returned guard is dropped.
    pub fn begin(&self, multiplexed: bool) -> Exchange {
        let mut state = self.state();
        state.enter(Phase::Busy);
        state.requests += 1;
        state.multiplexed |= multiplexed;
        Exchange(self.clone())
    }

    /// Bytes have come.
    pub fn received(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle && !state.multiplexed {
            state.enter(Phase::Head);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }
}

/// A request that has not been answered to its end.
pub(super) struct Exchange(Activity);

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.requests -= 1;
        let left = state.requests;
        state.enter(if left == 0 { Phase::Idle } else { Phase::Busy });
    }
}

/// An answer's body, whose end is the request's.
pub(super) struct Answer<B> {
    pub body: B,
    pub _exchange: Exchange,
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
