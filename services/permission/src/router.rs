//! The routes of permission: all of them, in one list.

use crate::{
    app::App, audit, authority, effective, explain, grants, groups, principals, records, registry, roles, simulate,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(effective::routes::mine))
        .routes(routes!(effective::routes::check))
        .routes(routes!(effective::routes::check_batch))
        .routes(routes!(effective::routes::of_principal))
        .routes(routes!(effective::holders::list))
        .routes(routes!(explain::routes::explain))
        .routes(routes!(registry::routes::list))
        .routes(routes!(roles::routes::list, roles::routes::create))
        .routes(routes!(roles::routes::get, roles::routes::edit, roles::routes::delete))
        .routes(routes!(grants::routes::list, grants::routes::create))
        .routes(routes!(grants::routes::revoke))
        .routes(routes!(grants::transfer::transfer))
        .routes(routes!(groups::routes::list, groups::routes::create))
        .routes(routes!(groups::routes::delete))
        .routes(routes!(groups::routes::members))
        .routes(routes!(groups::routes::add, groups::routes::remove))
        .routes(routes!(simulate::simulate))
        .routes(routes!(audit::routes::list))
        .routes(routes!(audit::routes::verify))
        .routes(routes!(registry::routes::register))
        .routes(routes!(records::routes::fill))
        .routes(routes!(authority::holds_all))
        .routes(routes!(principals::removal::remove))
}
