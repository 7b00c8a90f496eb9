//! The routes of billing: all of them, in one list.

use crate::{app::App, cycles, invoices, payments, usage};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(usage::routes::get))
        .routes(routes!(usage::batches::record))
        .routes(routes!(usage::parked::list))
        .routes(routes!(invoices::routes::list))
        .routes(routes!(invoices::routes::get))
        .routes(routes!(invoices::routes::explain))
        .routes(routes!(payments::routes::get))
        .routes(routes!(payments::recording::record))
        .routes(routes!(payments::method::get, payments::method::set))
        .routes(routes!(payments::webhook::receive))
        .routes(routes!(cycles::routes::list))
        .routes(routes!(cycles::routes::get))
        .routes(routes!(cycles::routes::close))
}
