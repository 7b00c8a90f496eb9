//! Which addresses does the worker answer?

use crate::{DOCS, app::App, jobs};
use axum::Router;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(jobs::routes::list))
        .routes(routes!(jobs::routes::get))
        .routes(routes!(jobs::routes::retry))
        .routes(routes!(jobs::routes::progress))
}

pub fn openapi() -> Value {
    common::openapi::finish(api().into_openapi(), "worker", "Worker", &DOCS)
}

pub fn router(app: App) -> Router {
    let (router, _) = api().split_for_parts();
    router.merge(common::openapi::swagger(openapi())).with_state(app)
}
