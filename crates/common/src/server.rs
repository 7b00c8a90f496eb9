//! The server of a service: one listener for callers, one for operations, and an orderly end.

mod activity;
mod body;
mod compression;
mod harden;
mod host;
mod limits;
mod links;
mod listener;
mod middleware;
mod ops;
mod shares;
mod stopping;

pub use limits::Limits;
pub use ops::Health;
pub use stopping::{FINISH_WITHIN, GIVE_BACK_WITHIN, GiveUp, Lifecycle};

use crate::{
    config::{Base, Origins},
    problem::Chain,
};
use axum::{Router, extract::DefaultBodyLimit};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// The largest body that an operation takes unless it says otherwise, in bytes.
pub const LARGEST_BODY: usize = 256 * 1024;
/// Both listeners, bound but not yet serving.
pub struct Bound {
    api: TcpListener,
    ops: TcpListener,
    service: &'static str,
    cors_origins: Origins,
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
        tracing::info!(address = %api.local_addr()?, ops_address = %ops.local_addr()?, "The service listens");
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
            tracing::error!(error = %Chain(&fault), "The listener broke");
        }
        drop(ops);
        tracing::info!("The service has stopped");
        Ok(())
    }
}
