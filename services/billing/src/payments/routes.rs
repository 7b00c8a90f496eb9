//! HTTP of what becomes of an invoice.

use super::{
    attempt_store::{self, Attempt},
    model::{Dunning, PaymentState},
    payment_store::{self, Payment},
    standing_store, store,
};
use crate::{
    app::App,
    currency::Currency,
    invoices::{routes::ReadInvoices, store as invoices},
};
use access::Allowed;
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    db::TenantTx,
    http::{Json, Path},
    problem::Problem,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What has become of an invoice.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvoicePayment {
    pub invoice_id: Uuid,
    pub state: PaymentState,
    /// What is open, in the currency's minor unit (ISO 4217).
    pub open_minor: i64,
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// Until then a bank transfer is awaited; absent while the invoice has no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    /// When the tenant is reminded next, if the invoice was not paid in time; absent after the last reminder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminded_at: Option<DateTime<Utc>>,
    /// Since when the tenant is suspended, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended_at: Option<DateTime<Utc>>,
    /// Attempts to charge the payment method, the latest first.
    pub attempts: Vec<Attempt>,
    /// What was received; more than one payment is one too many, and is paid back.
    pub payments: Vec<Payment>,
}

#[utoipa::path(get, path = "/v1/invoices/{id}/payment", operation_id = "getInvoicePayment", tag = "payments",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = InvoicePayment), (status = 404, description = "`invoice_not_found`")),
    security(("bearer" = ["billing.readInvoices"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadInvoices>,
    Path(id): Path<Uuid>,
) -> Result<Json<InvoicePayment>, Problem> {
    let found = show(&mut caller.begin_snapshot(&app.db).await?, id).await?;
    Ok(Json(found.ok_or_else(no_invoice)?))
}

/// `None` if the tenant has no such invoice.
pub async fn show(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<Option<InvoicePayment>> {
    let Some(invoice) = invoices::find(tx, id).await? else { return Ok(None) };
    let case = store::find(tx, id).await?;
    let state = case.as_ref().map_or(PaymentState::Open, |case| case.state);
    let dunning = case.as_ref().filter(|_| state == PaymentState::Open).and_then(|case| case.dunning);
    Ok(Some(InvoicePayment {
        invoice_id: id,
        state,
        open_minor: if state == PaymentState::Paid { 0 } else { invoice.total_minor },
        currency: invoice.currency,
        due_at: case.map(|case| case.due_at),
        reminded_at: dunning.and_then(Dunning::reminds_at),
        suspended_at: standing_store::suspended_at(tx).await?,
        attempts: attempt_store::list(tx, id).await?,
        payments: payment_store::list(tx, id).await?,
    }))
}

pub fn no_invoice() -> Problem {
    Problem::not_found("invoice_not_found", "There is no such invoice.")
}
