//! Which addresses does the mailer answer?

use crate::{DOCS, app::App, messages, sending, suppressions};
use axum::Router;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(messages::routes::list, messages::routes::send))
        .routes(routes!(messages::routes::get))
        .routes(routes!(messages::routes::resend))
        .routes(routes!(sending::routes::get))
        .routes(routes!(suppressions::routes::list))
        .routes(routes!(suppressions::routes::remove))
}

pub fn openapi() -> Value {
    common::openapi::finish(api().into_openapi(), "mailer", "Mailer", &DOCS)
}

pub fn router(app: App) -> Router {
    let (router, _) = api().split_for_parts();
    router.merge(common::openapi::swagger(openapi())).with_state(app)
}
