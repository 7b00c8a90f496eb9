//! Which routes are there? All of them, in one list.

use crate::{
    DOCS, app::App, audit, authority, catalog, effective, explain, grants, groups, principals, records, roles, simulate,
};
use axum::Router;
use common::openapi::{finish, swagger};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(effective::routes::mine))
        .routes(routes!(effective::routes::check))
        .routes(routes!(effective::routes::check_batch))
        .routes(routes!(effective::routes::of_principal))
        .routes(routes!(effective::holders::list))
        .routes(routes!(explain::routes::explain))
        .routes(routes!(catalog::routes::list))
        .routes(routes!(roles::routes::list, roles::routes::create))
        .routes(routes!(roles::routes::get, roles::routes::edit, roles::routes::delete))
        .routes(routes!(grants::routes::list, grants::routes::create))
        .routes(routes!(grants::routes::revoke))
        .routes(routes!(groups::routes::list, groups::routes::create))
        .routes(routes!(groups::routes::delete))
        .routes(routes!(groups::routes::members))
        .routes(routes!(groups::routes::add, groups::routes::remove))
        .routes(routes!(simulate::simulate))
        .routes(routes!(audit::routes::list))
        .routes(routes!(audit::routes::verify))
        .routes(routes!(catalog::routes::register))
        .routes(routes!(records::fill))
        .routes(routes!(authority::holds_all))
        .routes(routes!(principals::removal::remove))
}

pub fn openapi() -> Value {
    document(api().into_openapi())
}

pub fn router(app: App) -> Router {
    let (router, generated) = api().split_for_parts();
    router.merge(swagger(document(generated))).with_state(app)
}

fn document(generated: utoipa::openapi::OpenApi) -> Value {
    finish(generated, "permission", "Permission", &DOCS)
}
