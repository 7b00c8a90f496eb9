//! The routes of billing: all of them, in one list.

use crate::{
    accounts, app::App, cycles, documents, features, invoices, payments, plans, previews, reconciliation,
    subscriptions, usage,
};
use axum::extract::DefaultBodyLimit;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(accounts::routes::get, accounts::routes::edit))
        .routes(routes!(usage::routes::get))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(usage::batches::record))
                .layer(DefaultBodyLimit::max(usage::batches::LARGEST_BATCH)),
        )
        .routes(routes!(usage::parked::list))
        .routes(routes!(features::routes::list))
        .routes(routes!(features::routes::list_all))
        .routes(routes!(reconciliation::routes::list))
        .routes(routes!(reconciliation::routes::reconcile))
        .routes(routes!(invoices::routes::list))
        .routes(routes!(invoices::routes::get))
        .routes(routes!(invoices::routes::explain))
        .routes(routes!(documents::routes::get))
        .routes(routes!(documents::operator_routes::render))
        .routes(routes!(documents::operator_routes::list))
        .routes(routes!(previews::preview))
        .routes(routes!(plans::routes::list, plans::routes::publish))
        .routes(routes!(plans::routes::versions))
        .routes(routes!(plans::routes::get))
        .routes(routes!(subscriptions::routes::list))
        .routes(routes!(subscriptions::routes::change))
        .routes(routes!(payments::routes::get))
        .routes(routes!(payments::recording::record))
        .routes(routes!(payments::method::get, payments::method::set))
        .routes(routes!(payments::webhook::receive))
        .routes(routes!(cycles::routes::list))
        .routes(routes!(cycles::routes::get))
        .routes(routes!(cycles::routes::close))
        .routes(routes!(cycles::routes::prove))
}
