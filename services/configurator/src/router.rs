//! The routes of configurator: all of them, in one list.

use crate::{active_features, app::App, catalog, hosts, instances};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(catalog::routes::list, catalog::routes::publish))
        .routes(routes!(catalog::routes::get))
        .routes(routes!(catalog::routes::publish_own))
        .routes(routes!(instances::routes::list, instances::routes::create))
        .routes(routes!(instances::routes::get, instances::routes::cancel))
        .routes(routes!(instances::routes::retry))
        .routes(routes!(instances::routes::verify_host))
        .routes(routes!(instances::routes::remove_module))
        .routes(routes!(active_features::routes::list))
        .routes(routes!(hosts::routes::get))
        .routes(routes!(hosts::routes::set_up))
        .routes(routes!(hosts::routes::credentials))
}
