//! The routes of worker: all of them, in one list.

use crate::{app::App, jobs};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(jobs::routes::list))
        .routes(routes!(jobs::routes::get))
        .routes(routes!(jobs::routes::log))
        .routes(routes!(jobs::routes::retry))
        .routes(routes!(jobs::routes::progress))
}
