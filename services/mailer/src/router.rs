//! The routes of mailer: all of them, in one list.

use crate::{app::App, messages, sending, suppressions};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(messages::routes::list, messages::routes::send))
        .routes(routes!(messages::routes::get))
        .routes(routes!(messages::routes::resend))
        .routes(routes!(sending::routes::get))
        .routes(routes!(suppressions::routes::list))
        .routes(routes!(suppressions::routes::remove))
}
