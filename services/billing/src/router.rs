//! The routes of billing: all of them, in one list.

use crate::{
    accounts, app::App, coupons, credits, cycles, discounts, documents, features, invoices, minimum_spends, payments,
    plans, previews, reconciliation, subscriptions, tax_rates, usage,
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
        .routes(routes!(reconciliation::ending::end))
        .routes(routes!(invoices::routes::list))
        .routes(routes!(invoices::routes::get))
        .routes(routes!(invoices::routes::explain))
        .routes(routes!(invoices::report::get))
        .routes(routes!(documents::routes::get))
        .routes(routes!(documents::operator_routes::render))
        .routes(routes!(documents::operator_routes::list))
        .routes(routes!(previews::preview))
        .routes(routes!(plans::routes::list, plans::routes::publish))
        .routes(routes!(plans::routes::versions))
        .routes(routes!(plans::routes::get))
        .routes(routes!(tax_rates::routes::list, tax_rates::routes::enter))
        .routes(routes!(tax_rates::routes::get, tax_rates::routes::revoke))
        .routes(routes!(subscriptions::routes::list))
        .routes(routes!(subscriptions::routes::change))
        .routes(routes!(discounts::routes::list))
        .routes(routes!(discounts::routes::get))
        .routes(routes!(discounts::routes::list_of, discounts::routes::grant))
        .routes(routes!(discounts::routes::get_of, discounts::routes::end))
        .routes(routes!(coupons::routes::list, coupons::routes::create))
        .routes(routes!(coupons::routes::get, coupons::routes::end))
        .routes(routes!(coupons::routes::redeem))
        .routes(routes!(minimum_spends::routes::list))
        .routes(routes!(minimum_spends::routes::agree))
        .routes(routes!(credits::routes::list))
        .routes(routes!(credits::routes::list_of, credits::routes::grant))
        .routes(routes!(credits::routes::get_of, credits::routes::revoke))
        .routes(routes!(payments::routes::get))
        .routes(routes!(payments::recording::record))
        .routes(routes!(payments::method::get, payments::method::set, payments::method::remove))
        .routes(routes!(payments::method_setup::create))
        .routes(routes!(payments::canceling::cancel))
        .routes(routes!(payments::webhook::receive))
        .routes(routes!(cycles::routes::list))
        .routes(routes!(cycles::routes::get))
        .routes(routes!(cycles::routes::close))
        .routes(routes!(cycles::routes::prove))
}
