//! Time limit of a request's body. Whoever sends it too slowly is told so, whatever the handler made of the broken
//! body.

use axum::{
    body::{Body, Bytes},
    extract::Request,
};
use hyper::body::{Body as _, Frame, SizeHint};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Sleep, sleep};

/// How far a request's body has come; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<AtomicU8>);

const AWAITED: u8 = 1;
const COMPLETE: u8 = 2;
const LATE: u8 = 3;

impl Progress {
    /// Whether a handler waits for more of the body.
    pub fn is_awaited(&self) -> bool {
        self.0.load(Relaxed) == AWAITED
    }

    /// Whether the body was given up.
    pub fn is_late(&self) -> bool {
        self.0.load(Relaxed) == LATE
    }
}

/// The request with a body that breaks off `limit` after it was first asked for.
pub(super) fn timed(request: Request, limit: Duration) -> (Request, Progress) {
    let progress = Progress::default();
    if request.body().is_end_stream() {
        return (request, progress);
    }
    let request = request.map(|body| Body::new(Timed { body, limit, until: None, progress: progress.clone() }));
    (request, progress)
}

struct Timed {
    body: Body,
    limit: Duration,
    until: Option<Pin<Box<Sleep>>>,
    progress: Progress,
}

impl hyper::body::Body for Timed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body, limit, until, progress } = &mut *self;
        let until = until.get_or_insert_with(|| {
            progress.0.store(AWAITED, Relaxed);
            Box::pin(sleep(*limit))
        });
        let polled = Pin::new(&mut *body).poll_frame(cx);
        match &polled {
            Poll::Ready(None) => progress.0.store(COMPLETE, Relaxed),
            Poll::Ready(Some(_)) if body.is_end_stream() => progress.0.store(COMPLETE, Relaxed),
            // A peer that always has a byte ready must not go on for ever.
            _ if until.as_mut().poll(cx).is_ready() => {
                progress.0.store(LATE, Relaxed);
                return Poll::Ready(Some(Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut)))));
            }
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
