//! The second listener, for operations only: is the process alive, can it serve, and what does it count?

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

/// The parts that a service stands on.
#[derive(Clone, Default)]
pub struct Health(Vec<Part>);

#[derive(Clone)]
struct Part {
    name: &'static str,
    /// Without it the service cannot serve. Without the others it serves more slowly, and must not be taken out of
    /// service with all its peers.
    essential: bool,
    check: Check,
}

impl Health {
    /// Adds a part called `name`; `check` says whether it works right now.
    pub fn with<F: Future<Output = bool> + Send + 'static>(
        mut self,
        name: &'static str,
        essential: bool,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        self.0.push(Part { name, essential, check: Arc::new(move || Box::pin(check())) });
        self
    }

    pub fn with_database(self, pool: &PgPool) -> Self {
        let pool = pool.clone();
        self.with("database", true, move || {
            let pool = pool.clone();
            async move { sqlx::query("SELECT 1").execute(&pool).await.is_ok() }
        })
    }

    /// The cache, without which permissions are asked of the permission service.
    pub fn with_redis(self, redis: &ConnectionManager) -> Self {
        let redis = redis.clone();
        self.with("redis", false, move || {
            let mut redis = redis.clone();
            async move { redis::cmd("PING").query_async::<String>(&mut redis).await.is_ok() }
        })
    }

    /// Whether each part works, and whether every essential one does.
    async fn check(&self) -> (BTreeMap<&'static str, &'static str>, bool) {
        let checks = self.0.iter().map(|part| async move {
            let up = tokio::time::timeout(CHECK_TIMEOUT, (part.check)()).await.unwrap_or(false);
            (part, up)
        });
        let checked = join_all(checks).await;
        let serving = checked.iter().all(|(part, up)| *up || !part.essential);
        (checked.into_iter().map(|(part, up)| (part.name, if up { "up" } else { "down" })).collect(), serving)
    }
}

pub(super) fn router(health: Health, shutdown: CancellationToken) -> Router {
    let router = Router::new()
        .route("/healthz", get(async || "alive"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics));
    router.layer(axum::middleware::from_fn(super::harden::harden)).with_state((health, shutdown))
}

async fn readyz(State((health, shutdown)): State<(Health, CancellationToken)>) -> Response {
    let (parts, serving) = health.check().await;
    let stopping = shutdown.is_cancelled();
    let ready = serving && !stopping;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": ready, "stopping": stopping, "parts": parts}))).into_response()
}

/// Prometheus text format (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
async fn metrics() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], telemetry::metrics().render())
}
