//! How does a service listen, and how does it stop? One listener for callers, one for operations, and an orderly end.
//!
//! | module | answers |
//! | --- | --- |
//! | [`listener`] | how are connections accepted and served? |
//! | [`limits`] | how much may one caller take, and for how long? |
//! | [`activity`] | what is a connection doing, and how long may that take? |
//! | [`shares`] | who may have how many connections? |
//! | [`body`] | how long may a request's body take? |
//! | [`host`] | for which host is a request? |
//! | [`middleware`] | what happens around every request? |
//! | [`harden`] | which headers protect every answer? |
//! | [`ops`] | is the process alive, can it serve, and what does it count? |

mod activity;
mod body;
mod harden;
mod host;
mod limits;
mod listener;
mod middleware;
mod ops;
mod shares;

pub use limits::Limits;
pub use ops::Health;

use crate::config::Base;
use axum::{Router, extract::DefaultBodyLimit};
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, time::sleep};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

/// The largest body that an operation takes unless it says otherwise, in bytes.
pub const LARGEST_BODY: usize = 256 * 1024;
/// From the order to stop until the process ends. Compose kills after 30 s, ECS after its own `stopTimeout` (`ecs/taskdefs`), which is longer.
/// Every part counts from that order: listeners, consumers, jobs and whatever else runs.
const STOP_WITHIN: Duration = Duration::from_secs(24);
/// Work in hand may go on for so long after the order; what is not done then is given back.
pub const FINISH_WITHIN: Duration = Duration::from_secs(15);
/// Giving back takes at most so long; who waits for it then finds out by himself, as after a crash.
pub const GIVE_BACK_WITHIN: Duration = Duration::from_secs(5);

/// What runs beside the listeners, and the order to stop.
#[derive(Clone, Default)]
pub struct Lifecycle {
    pub shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Lifecycle {
    /// Stops at SIGTERM or Ctrl-C.
    pub fn until_signal() -> std::io::Result<Self> {
        let lifecycle = Self::default();
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let shutdown = lifecycle.shutdown.clone();
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = tokio::signal::ctrl_c() => {} }
            tracing::info!("stopping");
            shutdown.cancel();
        });
        Ok(lifecycle)
    }

    /// Runs `task` beside the listeners; it ends by itself once `shutdown` is cancelled, and is waited for.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Waits for every task, at most as long as a stop may take.
    pub async fn stopped(&self) {
        self.tasks.close();
        if tokio::time::timeout(STOP_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "tasks did not stop in time");
        }
    }
}

/// The end of the time for work in hand, counted from the order to stop and not from when somebody first looks.
pub struct GiveUp {
    token: CancellationToken,
    give_back: Duration,
    _timer: AbortOnDropHandle<()>,
}

impl GiveUp {
    /// `time` after the order there is [`GIVE_BACK_WITHIN`] left. Call it inside the runtime, before the order.
    pub fn after(shutdown: &CancellationToken, time: Duration) -> Self {
        Self::within(shutdown, time, GIVE_BACK_WITHIN)
    }

    /// As [`GiveUp::after`], with another time to give back.
    pub fn within(shutdown: &CancellationToken, time: Duration, give_back: Duration) -> Self {
        let (token, shutdown) = (CancellationToken::new(), shutdown.clone());
        let timer = tokio::spawn({
            let token = token.clone();
            async move {
                shutdown.cancelled().await;
                sleep(time).await;
                token.cancel();
            }
        });
        Self { token, give_back, _timer: AbortOnDropHandle::new(timer) }
    }

    /// Cancelled when work in hand must be given back.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Waits for `tasks`, which give back what they hold once the token is cancelled; then not longer than that may take.
    pub async fn wait_for(&self, tasks: &TaskTracker) {
        tasks.close();
        tokio::select! {
            () = tasks.wait() => {}
            () = async { self.token.cancelled().await; sleep(self.give_back).await } => {
                tracing::warn!(tasks = tasks.len(), "work in hand could not be given back in time");
            }
        }
    }
}

/// Both listeners, bound but not yet serving.
pub struct Bound {
    api: TcpListener,
    ops: TcpListener,
    service: &'static str,
    cors_origins: Vec<String>,
    limits: Limits,
}

impl Bound {
    pub async fn bind(base: &Base) -> std::io::Result<Self> {
        let api = TcpListener::bind(base.listen_addr).await?;
        let ops = TcpListener::bind(base.ops_addr).await?;
        Ok(Self { api, ops, service: base.service, cors_origins: base.cors_origins.clone(), limits: Limits::default() })
    }

    /// With other limits than those of a service.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where callers reach the service, with the port that the system chose.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.api.local_addr()
    }

    pub fn ops_address(&self) -> std::io::Result<SocketAddr> {
        self.ops.local_addr()
    }

    /// Serves until `lifecycle` stops: readiness fails, open requests finish, tasks end.
    pub async fn serve(self, router: Router, health: Health, lifecycle: Lifecycle) -> std::io::Result<()> {
        let Self { api, ops, service, cors_origins, limits } = self;
        let router =
            middleware::wrap(router.layer(DefaultBodyLimit::max(LARGEST_BODY)), service, &cors_origins, &limits);
        let shutdown = lifecycle.shutdown.clone();
        tracing::info!(address = %api.local_addr()?, ops_address = %ops.local_addr()?, "listening");
        // Health is told to the end.
        let health = ops::router(health, shutdown.clone());
        let ops = AbortOnDropHandle::new(tokio::spawn(listener::serve(
            "ops",
            ops,
            health,
            limits.for_operations(),
            CancellationToken::new(),
        )));
        let api =
            AbortOnDropHandle::new(tokio::spawn(listener::serve("api", api, router, limits.clone(), shutdown.clone())));
        shutdown.cancelled().await;
        // A client that keeps its connection busy must not hold the process.
        let stopping = tokio::time::timeout(limits.stop, async { tokio::join!(api, lifecycle.stopped()).0 });
        if let Ok(Err(fault)) = stopping.await {
            tracing::error!(%fault, "the listener broke");
        }
        drop(ops);
        tracing::info!("stopped");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test]
    async fn the_time_to_finish_begins_with_the_order() {
        let (finish, give_back) = (Duration::from_millis(600), Duration::from_millis(300));
        let shutdown = CancellationToken::new();
        let give_up = GiveUp::within(&shutdown, finish, give_back);
        sleep(finish).await;
        assert!(!give_up.token().is_cancelled(), "nobody has ordered it");
        let ordered = Instant::now();
        shutdown.cancel();
        // A receive that hung, say.
        sleep(Duration::from_millis(500)).await;
        let tasks = TaskTracker::new();
        tasks.spawn(std::future::pending::<()>());
        give_up.wait_for(&tasks).await;
        assert!(
            ordered.elapsed() >= finish + give_back && ordered.elapsed() < Duration::from_millis(1300),
            "{:?}",
            ordered.elapsed()
        );
    }

    #[test]
    fn the_parts_of_a_stop_fit_into_it() {
        assert!(FINISH_WITHIN + GIVE_BACK_WITHIN < STOP_WITHIN);
        assert!(Limits::default().answer < STOP_WITHIN);
    }
}
