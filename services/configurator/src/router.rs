//! Which routes exist? Every one, in one list.

use crate::{DOCS, app::App, catalog, hosts, instances};
use axum::Router;
use common::openapi::{finish, swagger};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

const TITLE: &str = "Configurator";

pub fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(catalog::routes::list, catalog::routes::publish))
        .routes(routes!(catalog::routes::publish_own))
        .routes(routes!(instances::routes::list, instances::routes::create))
        .routes(routes!(instances::routes::get, instances::routes::cancel))
        .routes(routes!(instances::routes::retry))
        .routes(routes!(instances::routes::verify_host))
        .routes(routes!(instances::routes::remove_module))
        .routes(routes!(hosts::routes::get))
        .routes(routes!(hosts::routes::set_up))
        .routes(routes!(hosts::routes::credentials))
}

/// The finished OpenAPI document.
pub fn openapi() -> Value {
    finish(api().into_openapi(), crate::NAME, TITLE, &DOCS)
}

pub fn router(app: App) -> Router {
    let (router, document) = api().split_for_parts();
    router.merge(swagger(finish(document, crate::NAME, TITLE, &DOCS))).with_state(app)
}
