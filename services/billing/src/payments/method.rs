//! HTTP of the tenant's payment method. What a card is made of goes from the browser to Stripe and never comes here.

use super::{
    account,
    collecting::COLLECT,
    detachment_store,
    method_store::{self, Method},
    problems, standing_store, store,
    stripe::Stripe,
};
use crate::{app::App, invoices::routes::ReadInvoices};
use access::Allowed;
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use common::{
    db::{Scoped, TenantTx},
    http::{ETag, IfMatch, Json},
    limit::Limit,
    problem::{FieldError, Problem},
    source::Source,
};
use contracts::id::TenantId;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

access::permissions! { pub WritePaymentMethod = "billing.writePaymentMethod" }

/// Methods that one network sets for a tenant: each is looked up at Stripe, and has what is open charged.
const SET: Limit = Limit { name: "payment-method", most: 20, window: Duration::from_secs(3600) };
/// Stripe's ids are never longer.
const LONGEST_ID: usize = 255;
/// What is shown of an id.
const SHOWN_END: usize = 4;

/// How the tenant pays; without a payment method it pays by bank transfer.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentMethod {
    /// The end of Stripe's id of the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "cus_…Qb7W")]
    customer_id: Option<String>,
    /// The end of Stripe's id of the payment method.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "pm_…9kTz")]
    payment_method_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize, ToSchema)]
pub struct NewPaymentMethod {
    /// Stripe's id of a payment method that was given by a set-up of this tenant's.
    #[schema(max_length = 255, pattern = "^(pm|card|src|ba)_[A-Za-z0-9]+$", example = "pm_1MqLiJLkdIwHu7ixUEgbFdYF")]
    payment_method_id: String,
}

#[utoipa::path(get, path = "/v1/payment-method", operation_id = "getPaymentMethod", tag = "payments",
    responses((status = 200, body = PaymentMethod, headers(("ETag" = String)))),
    security(("bearer" = ["billing.readInvoices"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadInvoices>,
) -> Result<(ETag, Json<PaymentMethod>), Problem> {
    Ok(shown(method_store::find(&mut caller.begin(&app.db).await?).await?))
}

#[utoipa::path(put, path = "/v1/payment-method", operation_id = "setPaymentMethod", tag = "payments",
    request_body = NewPaymentMethod,
    params(("If-Match" = String, Header, description = "The `ETag` of what was read, or `*`.")),
    responses((status = 200, body = PaymentMethod, headers(("ETag" = String))),
        (status = 409, description = "`payments_not_configured`"),
        (status = 412, description = "`payment_method_edited`"),
        (status = 428, description = "`if_match_missing`"),
        (status = 429, description = "`too_many_requests`: methods for this tenant from this network.")),
    security(("bearer" = ["billing.writePaymentMethod"])))]
pub async fn set(
    State(app): State<App>,
    caller: Allowed<WritePaymentMethod>,
    source: Source,
    read: IfMatch,
    Json(new): Json<NewPaymentMethod>,
) -> Result<(ETag, Json<PaymentMethod>), Problem> {
    new.check()?;
    let stripe = problems::stripe(&app)?;
    let mut tx = caller.begin(&app.db).await?;
    let known = method_store::find(&mut tx).await?;
    read.check(revision(known.as_ref()), EDITED)?;
    let (known, scope) = (known.ok_or_else(not_own)?, tx.scope());
    tx.commit().await?;
    let counted = app.limiter.admit_for(&SET, source, &caller.tenant.to_string()).await?;
    let proved = prove(&app, stripe, &known, &new, caller.tenant).await;
    app.limiter.settle([counted], proved).await?;
    let mut tx = scope.begin().await?;
    let kept = keep(&mut tx, &known, &new, app.ambient.now()).await?;
    tx.wake(COLLECT);
    tx.commit().await?;
    Ok(shown(Some(kept)))
}

#[utoipa::path(delete, path = "/v1/payment-method", operation_id = "removePaymentMethod", tag = "payments",
    params(("If-Match" = String, Header, description = "The `ETag` of what was read, or `*`.")),
    responses((status = 204),
        (status = 409, description = "`payments_not_configured`"),
        (status = 412, description = "`payment_method_edited`"),
        (status = 428, description = "`if_match_missing`")),
    security(("bearer" = ["billing.writePaymentMethod"])))]
pub async fn remove(
    State(app): State<App>,
    caller: Allowed<WritePaymentMethod>,
    read: IfMatch,
) -> Result<StatusCode, Problem> {
    problems::stripe(&app)?;
    let (mut tx, now) = (caller.begin(&app.db).await?, app.ambient.now());
    let known = method_store::find(&mut tx).await?;
    read.check(revision(known.as_ref()), EDITED)?;
    let Some((known, method_id)) = known.and_then(|known| Some((known.clone(), known.method_id?))) else {
        return Ok(StatusCode::NO_CONTENT);
    };
    method_store::set(&mut tx, &known, None, now).await?.ok_or_else(edited)?;
    detachment_store::insert(&mut tx, &method_id, now).await?;
    tx.wake(COLLECT);
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks Stripe whether the payment method was given for this tenant: anybody may know an id.
async fn prove(
    app: &App,
    stripe: &Stripe,
    known: &Method,
    new: &NewPaymentMethod,
    tenant: TenantId,
) -> Result<(), Problem> {
    account::check(app, stripe).await?.map_err(problems::of)?;
    let is_own = stripe.is_attached(&new.payment_method_id, &known.customer_id, tenant).await;
    if is_own.map_err(problems::of)? { Ok(()) } else { Err(not_own()) }
}

/// Keeps the method; what is open is charged to another one at once.
async fn keep(
    tx: &mut TenantTx,
    known: &Method,
    new: &NewPaymentMethod,
    now: DateTime<Utc>,
) -> Result<Method, Problem> {
    if detachment_store::is_due(tx, &new.payment_method_id).await? {
        return Err(not_own());
    }
    let kept = method_store::set(tx, known, Some(&new.payment_method_id), now).await?.ok_or_else(edited)?;
    // Whoever is suspended may have put money where the same card takes it from.
    if known.method_id != kept.method_id || standing_store::suspended_at(tx).await?.is_some() {
        store::retry(tx, now).await?;
    }
    Ok(kept)
}

fn revision(known: Option<&Method>) -> i32 {
    known.map_or(0, |known| known.revision)
}

/// The same for each method that is not the tenant's, so nobody learns which there are.
fn not_own() -> Problem {
    let detail = "must be a payment method that was given by a set-up of this tenant's";
    FieldError::new("payment_method_id", "not_the_tenants", detail).into()
}

const EDITED: &str = "payment_method_edited";

impl NewPaymentMethod {
    fn check(&self) -> Result<(), Problem> {
        if is_id(&self.payment_method_id, &["pm_", "card_", "src_", "ba_"]) {
            return Ok(());
        }
        Err(FieldError::new("payment_method_id", "malformed", "must be an id of Stripe's").into())
    }
}

fn is_id(text: &str, beginnings: &[&str]) -> bool {
    let rest = beginnings.iter().find_map(|beginning| text.strip_prefix(beginning)).unwrap_or_default();
    !rest.is_empty() && text.len() < LONGEST_ID && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn shown(method: Option<Method>) -> (ETag, Json<PaymentMethod>) {
    let tag = ETag(revision(method.as_ref()));
    let method = method.and_then(|method| Some((method.method_id?, method.customer_id, method.updated_at)));
    let (customer_id, payment_method_id, updated_at) = match method {
        Some((id, customer, at)) => (Some(masked(&customer)), Some(masked(&id)), Some(at)),
        None => (None, None, None),
    };
    (tag, Json(PaymentMethod { customer_id, payment_method_id, updated_at }))
}

/// Enough of an id to tell it from others, and too little to use it.
fn masked(id: &str) -> String {
    let (kind, rest) = id.split_once('_').unwrap_or_default();
    let hidden = rest.len().saturating_sub(SHOWN_END).max(rest.len() / 2);
    format!("{kind}_…{}", rest.get(hidden..).unwrap_or_default())
}

fn edited() -> Problem {
    let detail = "Somebody else has set the payment method since. Read it again.";
    Problem::new(StatusCode::PRECONDITION_FAILED, EDITED, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_shows_its_end_only() {
        assert_eq!([masked("pm_1MqLiJLkdIwHu7ix"), masked("pm_1234"), masked("pm_1")], ["pm_…u7ix", "pm_…34", "pm_…1"]);
    }

    #[test]
    fn only_ids_are_taken() {
        let longest = format!("cus_{}", "a".repeat(250));
        assert!(is_id("cus_NffrFeUfNV2Hib", &["cus_"]) && is_id(&longest, &["cus_"]));
        for wrong in ["", "cus_", "pm_1", "cus_1/2", "cus_1 ", "4242424242424242", &format!("{longest}a")] {
            assert!(!is_id(wrong, &["cus_"]), "{wrong}");
        }
    }
}
