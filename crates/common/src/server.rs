//! How does a service listen, and how does it stop? One listener for callers, one for operations, and an orderly end.

mod middleware;
mod ops;

pub use ops::Health;

use crate::config::Base;
use axum::{Router, extract::DefaultBodyLimit};
use std::{net::SocketAddr, time::Duration};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The largest body that an operation takes unless it says otherwise, in bytes.
pub const LARGEST_BODY: usize = 256 * 1024;
/// From the order to stop until the process ends; ECS kills after its own `stopTimeout`.
const STOP_WITHIN: Duration = Duration::from_secs(24);

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

/// Both listeners, bound but not yet serving.
pub struct Bound {
    api: TcpListener,
    ops: TcpListener,
    service: &'static str,
    cors_origins: Vec<String>,
}

impl Bound {
    pub async fn bind(base: &Base) -> std::io::Result<Self> {
        let api = TcpListener::bind(base.listen_addr).await?;
        let ops = TcpListener::bind(base.ops_addr).await?;
        Ok(Self { api, ops, service: base.service, cors_origins: base.cors_origins.clone() })
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
        let router = middleware::wrap(router.layer(DefaultBodyLimit::max(LARGEST_BODY)), self.service, &self.cors_origins);
        let ops = ops::router(health, lifecycle.shutdown.clone());
        tracing::info!(address = %self.api.local_addr()?, ops_address = %self.ops.local_addr()?, "listening");
        let ops = tokio::spawn(async move { axum::serve(self.ops, ops).await });
        let callers = router.into_make_service_with_connect_info::<SocketAddr>();
        let drained = axum::serve(self.api, callers).with_graceful_shutdown(lifecycle.shutdown.clone().cancelled_owned()).into_future();
        let mut drained = tokio::spawn(drained);
        lifecycle.shutdown.cancelled().await;
        let stopping = async {
            if let Err(fault) = (&mut drained).await {
                tracing::error!(%fault, "the listener broke");
            }
        };
        // A client that keeps its connection busy must not hold the process.
        let _ = tokio::time::timeout(STOP_WITHIN, async { tokio::join!(stopping, lifecycle.stopped()) }).await;
        drained.abort();
        ops.abort();
        tracing::info!("stopped");
        Ok(())
    }
}
