//! Is the process alive, can it serve, and what does it count? The second listener, for operations only.

use crate::{http::Json, telemetry};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::future::{BoxFuture, join_all};
use redis::aio::ConnectionManager;
use serde_json::json;
use sqlx::PgPool;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// A part that does not answer in this time is down.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// The parts without which a service cannot serve.
#[derive(Clone, Default)]
pub struct Health(Vec<(&'static str, Check)>);

impl Health {
    /// Adds a part called `name`; `check` says whether it works right now.
    pub fn with<F: Future<Output = bool> + Send + 'static>(mut self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self {
        self.0.push((name, Arc::new(move || Box::pin(check()))));
        self
    }

    pub fn with_database(self, pool: &PgPool) -> Self {
        let pool = pool.clone();
        self.with("database", move || {
            let pool = pool.clone();
            async move { sqlx::query("SELECT 1").execute(&pool).await.is_ok() }
        })
    }

    pub fn with_redis(self, redis: &ConnectionManager) -> Self {
        let redis = redis.clone();
        self.with("redis", move || {
            let mut redis = redis.clone();
            async move { redis::cmd("PING").query_async::<String>(&mut redis).await.is_ok() }
        })
    }

    /// The keys that tokens are verified with.
    pub fn with_keys(self, access: &crate::access::Access) -> Self {
        let verifier = access.verifier().clone();
        self.with("keys", move || {
            let verifier = verifier.clone();
            async move { verifier.ready().await }
        })
    }

    async fn check(&self) -> BTreeMap<&'static str, &'static str> {
        let checks = self.0.iter().map(|(name, check)| async {
            let up = tokio::time::timeout(CHECK_TIMEOUT, check()).await.unwrap_or(false);
            (*name, if up { "up" } else { "down" })
        });
        join_all(checks).await.into_iter().collect()
    }
}

pub(super) fn router(health: Health, shutdown: CancellationToken) -> Router {
    Router::new().route("/healthz", get(async || "alive")).route("/readyz", get(readyz)).route("/metrics", get(metrics)).with_state((health, shutdown))
}

async fn readyz(State((health, shutdown)): State<(Health, CancellationToken)>) -> Response {
    let parts = health.check().await;
    let stopping = shutdown.is_cancelled();
    let ready = !stopping && parts.values().all(|state| *state == "up");
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": ready, "stopping": stopping, "parts": parts}))).into_response()
}

/// Prometheus text format (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
async fn metrics() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], telemetry::metrics().render())
}
