//! HTTP of giving a payment method: a browser needs a secret of Stripe's for it.

use super::{customers, method::WritePaymentMethod, problems};
use crate::app::App;
use access::Allowed;
use axum::{
    extract::State,
    http::header,
    response::{AppendHeaders, IntoResponse},
};
use common::{http::Json, limit::Limit, problem::Problem, source::Source};
use secrecy::ExposeSecret;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Set-ups that one network begins for a tenant. Each is a call to Stripe, and a chance to try a card that was stolen.
const SETUPS: Limit = Limit { name: "payment-method-setups", most: 20, window: Duration::from_secs(3600) };

/// What Stripe.js needs to give Stripe a payment method for the tenant.
#[derive(Serialize, ToSchema)]
pub struct PaymentMethodSetup {
    /// Of a SetupIntent. Whoever has it can attach a payment method to the tenant's customer: keep it out of logs and
    /// addresses.
    #[schema(example = "seti_1Mm8s8LkdIwHu7ix_secret_NXDICQzqnEVyGhV2vDtS")]
    client_secret: String,
}

#[utoipa::path(post, path = "/v1/payment-method-setups", operation_id = "setUpPaymentMethod", tag = "payments",
    responses((status = 200, body = PaymentMethodSetup),
        (status = 409, description = "`no_account`, `payments_not_configured`"),
        (status = 429, description = "`too_many_requests`: set-ups for this tenant from this network.")),
    extensions(("x-no-idempotency-key" = json!("A set-up that nobody finishes changes nothing."))),
    security(("bearer" = ["billing.writePaymentMethod"])))]
pub async fn create(
    State(app): State<App>,
    caller: Allowed<WritePaymentMethod>,
    source: Source,
) -> Result<impl IntoResponse, Problem> {
    let stripe = problems::stripe(&app)?;
    let counted = app.limiter.admit_for(&SETUPS, source, &caller.tenant.to_string()).await?;
    let scope = caller.begin(&app.db).await?.scope();
    let setup = customers::set_up(&app, caller.tenant, &scope, stripe).await;
    let setup = app.limiter.settle([counted], setup).await?;
    let client_secret = setup.client_secret.expose_secret().to_owned();
    let no_store = AppendHeaders([(header::CACHE_CONTROL, "no-store")]);
    Ok((no_store, Json(PaymentMethodSetup { client_secret })))
}
