//! The routes of mailer: all of them, in one list.

use crate::{app::App, mails, sending, suppressions};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(mails::routes::list, mails::routes::send))
        .routes(routes!(mails::routes::get))
        .routes(routes!(mails::routes::resend))
        .routes(routes!(sending::routes::get))
        .routes(routes!(suppressions::routes::list))
        .routes(routes!(suppressions::routes::remove))
}
