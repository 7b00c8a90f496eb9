//! Listener: HTTP/1.1 and HTTP/2 without TLS, each connection within its limits.

use super::{
    activity::{Activity, Answer, Exchange, Phase},
    limits::Limits,
    shares::{Seat, Shares},
};
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::{Response, Version},
};
use futures_util::future::BoxFuture;
use hyper::{body::Incoming, service::Service};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use std::{
    convert::Infallible,
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::{io::InspectReader, sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// More than a browser and its proxies send; further headers are 431.
const MOST_HEADERS: usize = 100;
/// The largest head, in bytes; a larger one is 431. Also what is read ahead of a connection.
const LARGEST_HEAD: u32 = 32 * 1024;
/// Requests at once on one HTTP/2 connection.
const MOST_STREAMS: u32 = 100;
/// What waits to be sent on one HTTP/2 stream, in bytes.
const SEND_BUFFER: usize = 64 * 1024;
/// An HTTP/2 peer that says nothing is asked whether it is there, and has so long to answer.
const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));
/// An idle peer may still read that its connection ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// Pause where the system has no connection to give.
const OUT_OF_FILES: Duration = Duration::from_millis(50);

type Connections = Builder<TokioExecutor>;

/// Serves `router` on `listener` until `shutdown`; then ends when every connection has.
pub(super) async fn serve(
    name: &'static str,
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let (tasks, shares, builder) = (TaskTracker::new(), Shares::new(name, limits.connections), Arc::new(builder()));
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                recover(&error, &shares).await;
                continue;
            }
        };
        let activity = Activity::new(&limits);
        let Some((seat, displaced)) = shares.take(peer.ip(), &activity) else {
            closed(name, "refused");
            continue;
        };
        // A small answer must not wait for the acknowledgement of the one before; without it all works as well.
        let _ = stream.set_nodelay(true);
        let (builder, shutdown) = (Arc::clone(&builder), shutdown.clone());
        let requests = Requests { router: router.clone(), peer, activity };
        tasks.spawn(async move { closed(name, drive(&builder, stream, requests, seat, displaced, shutdown).await) });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

fn builder() -> Connections {
    let mut builder = Builder::new(TokioExecutor::new());
    // hyper's own limit counts the time between two requests as part of the second one's head.
    builder.http1().max_headers(MOST_HEADERS).max_buf_size(LARGEST_HEAD as usize).header_read_timeout(None);
    let mut http2 = builder.http2();
    http2.max_concurrent_streams(MOST_STREAMS).max_header_list_size(LARGEST_HEAD).max_send_buf_size(SEND_BUFFER);
    http2.timer(TokioTimer::new()).keep_alive_interval(PING.0).keep_alive_timeout(PING.1);
    builder
}

/// A peer that went away before it was accepted is its own affair. Anything else means that there are no files left.
async fn recover(error: &io::Error, shares: &Shares) {
    if matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    ) {
        return;
    }
    tracing::error!(%error, "A connection cannot be accepted; another one makes room");
    shares.shrink();
    sleep(OUT_OF_FILES).await;
}

fn closed(listener: &'static str, why: &'static str) {
    metrics::counter!("http_connections_closed_total", "listener" => listener, "why" => why).increment(1);
}

/// Serves one connection to its end, and says why it came.
async fn drive(
    builder: &Connections,
    stream: TcpStream,
    requests: Requests,
    _seat: Seat,
    mut displaced: oneshot::Receiver<()>,
    shutdown: CancellationToken,
) -> &'static str {
    let activity = requests.activity.clone();
    let heard = activity.clone();
    let io = TokioIo::new(InspectReader::new(stream, move |bytes: &[u8]| {
        if !bytes.is_empty() {
            heard.received();
        }
    }));
    let mut connection = pin!(builder.serve_connection(io, requests));
    let mut deadline = pin!(sleep_until(activity.deadline()));
    let (mut stopping, mut leaving) = (pin!(shutdown.cancelled()), None);
    poll_fn(|cx| {
        loop {
            // A connection that broke is its peer's affair.
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(leaving.unwrap_or("ended"));
            }
            if leaving.is_none() && stopping.as_mut().poll(cx).is_ready() {
                connection.as_mut().graceful_shutdown();
                leaving = Some("stopped");
                continue;
            }
            if Pin::new(&mut displaced).poll(cx).is_ready() {
                return Poll::Ready("displaced");
            }
            // An earlier deadline is set at once, a later one when the earlier has passed: a busy connection sets none.
            if activity.deadline() < deadline.deadline() && leaving != Some("idle") {
                deadline.as_mut().reset(activity.deadline());
            }
            ready!(deadline.as_mut().poll(cx));
            let (phase, in_time) = (activity.phase(), activity.deadline() > Instant::now());
            match phase {
                Phase::Busy if in_time => deadline.as_mut().reset(activity.deadline()),
                _ if leaving == Some("idle") => return Poll::Ready("idle"),
                _ if in_time => deadline.as_mut().reset(activity.deadline()),
                Phase::Head => return Poll::Ready("head"),
                Phase::Busy => return Poll::Ready("slow"),
                Phase::Idle => {
                    connection.as_mut().graceful_shutdown();
                    leaving = Some("idle");
                    deadline.as_mut().reset(Instant::now() + FAREWELL);
                }
            }
        }
    })
    .await
}

/// The requests of one connection.
struct Requests {
    router: Router,
    peer: SocketAddr,
    activity: Activity,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<Answer<Body>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let exchange: Exchange = self.activity.begin(request.version() == Version::HTTP_2);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let answering = self.router.clone().oneshot(request);
        Box::pin(async move { Ok(answering.await?.map(|body| Answer { body, _exchange: exchange })) })
    }
}
