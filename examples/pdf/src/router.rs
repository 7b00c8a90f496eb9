//! The routes: all of them, in one list.

use crate::{app::App, extractions, files, views};
use axum::routing::{any, get, post};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .route("/", get(views::home))
        .route("/sign-in", get(views::sign_in_form).post(views::sign_in))
        .route("/sign-out", post(views::sign_out))
        .route("/files/{id}", get(views::file))
        .route("/files/{id}/delete", post(views::delete))
        .route("/style.css", get(views::style))
        .route("/upload.js", get(views::script))
        .route("/{*path}", any(views::nothing_here))
        .routes(routes!(files::routes::list, files::routes::add))
        .routes(routes!(files::routes::get, files::routes::delete))
        .routes(routes!(extractions::routes::list, extractions::routes::order))
        .routes(routes!(extractions::routes::get))
        .routes(routes!(extractions::routes::page))
}
