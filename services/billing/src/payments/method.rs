//! HTTP of the tenant's payment method. What a card is made of goes from the browser to Stripe and never comes here.

use super::{
    collecting::COLLECT,
    method_store::{self, Method},
    store,
};
use crate::{app::App, invoices::routes::ReadInvoices};
use access::Allowed;
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    db::Scoped,
    http::{ETag, IfMatch, Json},
    problem::{FieldError, Problem, constraint},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

access::permissions! { pub WritePaymentMethod = "billing.writePaymentMethod" }

/// Stripe's ids are never longer.
const LONGEST_ID: usize = 255;
/// What is shown of an id.
const SHOWN_END: usize = 4;

/// How the tenant pays; without the ids it pays by bank transfer.
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
    /// Stripe's id of the tenant's customer.
    #[schema(max_length = 255, pattern = "^cus_[A-Za-z0-9]+$", example = "cus_NffrFeUfNV2Hib")]
    customer_id: String,
    /// Stripe's id of a payment method of that customer.
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
        (status = 409, description = "`customer_taken`, `no_account`, `payments_not_configured`"),
        (status = 412, description = "`payment_method_edited`"),
        (status = 428, description = "`if_match_missing`")),
    security(("bearer" = ["billing.writePaymentMethod"])))]
pub async fn set(
    State(app): State<App>,
    caller: Allowed<WritePaymentMethod>,
    read: IfMatch,
    Json(new): Json<NewPaymentMethod>,
) -> Result<(ETag, Json<PaymentMethod>), Problem> {
    new.check()?;
    if app.payments.stripe.is_none() {
        let detail = "Invoices are paid by bank transfer here: no payment method can be charged.";
        return Err(Problem::conflict("payments_not_configured", detail));
    }
    let (mut tx, now) = (caller.begin(&app.db).await?, app.ambient.now());
    let known = method_store::find(&mut tx).await?;
    let revision = known.as_ref().map_or(0, |known| known.revision);
    read.check(revision, EDITED)?;
    let kept = method_store::put(&mut tx, &new.customer_id, &new.payment_method_id, revision, now).await;
    let kept = kept.map_err(not_kept)?.ok_or_else(edited)?;
    if known.is_none_or(|known| !known.pays_like(&kept)) {
        store::retry(&mut tx, now).await?;
    }
    tx.wake(COLLECT);
    tx.commit().await?;
    Ok(shown(Some(kept)))
}

const EDITED: &str = "payment_method_edited";

impl NewPaymentMethod {
    fn check(&self) -> Result<(), Problem> {
        let mut errors = Vec::new();
        let mut demand = |field: &str, id: &str, beginnings: &[&str]| {
            if !is_id(id, beginnings) {
                errors.push(FieldError::new(field, "malformed", "must be an id of Stripe's"));
            }
        };
        demand("customer_id", &self.customer_id, &["cus_"]);
        demand("payment_method_id", &self.payment_method_id, &["pm_", "card_", "src_", "ba_"]);
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }
}

impl Method {
    fn pays_like(&self, other: &Self) -> bool {
        (&self.customer_id, &self.method_id) == (&other.customer_id, &other.method_id)
    }
}

fn is_id(text: &str, beginnings: &[&str]) -> bool {
    let rest = beginnings.iter().find_map(|beginning| text.strip_prefix(beginning)).unwrap_or_default();
    !rest.is_empty() && text.len() < LONGEST_ID && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn shown(method: Option<Method>) -> (ETag, Json<PaymentMethod>) {
    let revision = ETag(method.as_ref().map_or(0, |method| method.revision));
    let (customer_id, payment_method_id) =
        method.as_ref().map(|method| (masked(&method.customer_id), masked(&method.method_id))).unzip();
    let updated_at = method.map(|method| method.updated_at);
    (revision, Json(PaymentMethod { customer_id, payment_method_id, updated_at }))
}

/// Enough of an id to tell it from others, and too little to use it.
fn masked(id: &str) -> String {
    let (kind, rest) = id.split_once('_').unwrap_or_default();
    let hidden = rest.len().saturating_sub(SHOWN_END).max(rest.len() / 2);
    format!("{kind}_…{}", rest.get(hidden..).unwrap_or_default())
}

fn edited() -> Problem {
    let detail = "Somebody else has set the payment method since. Read it again.";
    Problem::new(axum::http::StatusCode::PRECONDITION_FAILED, EDITED, detail)
}

fn not_kept(error: sqlx::Error) -> Problem {
    match constraint(&error) {
        Some("payment_method_customer_once") => {
            Problem::conflict("customer_taken", "This customer of Stripe's pays for somebody else.")
        }
        Some("payment_method_tenant_id_fkey") => {
            Problem::conflict("no_account", "This tenant has no account, and gets no invoices.")
        }
        _ => error.into(),
    }
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
