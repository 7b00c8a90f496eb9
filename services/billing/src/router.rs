//! Which routes exist? Every one, in one list.

use crate::{DOCS, app::App, cycles, invoices, usage};
use axum::Router;
use common::openapi::{finish, swagger};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

const TITLE: &str = "Billing";

pub fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(usage::routes::get))
        .routes(routes!(usage::parked::list))
        .routes(routes!(invoices::routes::list))
        .routes(routes!(invoices::routes::get))
        .routes(routes!(invoices::routes::explain))
        .routes(routes!(cycles::routes::list))
        .routes(routes!(cycles::routes::close))
}

/// The finished OpenAPI document.
pub fn openapi() -> Value {
    finish(api().into_openapi(), crate::NAME, TITLE, &DOCS)
}

pub fn router(app: App) -> Router {
    let (router, document) = api().split_for_parts();
    router.merge(swagger(finish(document, crate::NAME, TITLE, &DOCS))).with_state(app)
}
