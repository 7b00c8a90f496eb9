//! Bank transfers, which an operator records when they are on the bank's statement.

use super::{
    attempt_store, canceling,
    model::PaymentState,
    payment_store::{self, Payment, PaymentKind},
    problems,
    routes::{InvoicePayment, no_invoice, show},
    settling,
    store::{self, Case},
};
use crate::{app::App, currency::Currency};
use access::Allowed;
use axum::extract::State;
use common::{
    db::TenantTx,
    http::{Json, Path},
    problem::{FieldError, Problem},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

access::permissions! { pub RecordPayments = platform "billing.recordPayments" }

const LONGEST_REFERENCE: usize = 200;
/// Seconds until it makes sense to try again.
const RETRY_AFTER: u32 = 2;

#[derive(Deserialize, ToSchema)]
pub struct BankTransfer {
    /// Where it is found in the bank's statement; the same reference again is the same transfer.
    #[schema(min_length = 1, max_length = 200, example = "Statement 2026-11, line 7")]
    reference: String,
    /// What is open, in the currency's minor unit (ISO 4217); nothing else is taken.
    #[schema(example = 1488)]
    amount_minor: i64,
    /// Of the invoice.
    #[schema(min_length = 3, max_length = 3, example = "EUR")]
    currency: String,
}

#[utoipa::path(post, path = "/v1/invoices/{id}/payments", operation_id = "recordBankTransfer", tag = "payments",
    params(("id" = Uuid, Path)), request_body = BankTransfer,
    responses((status = 200, body = InvoicePayment),
        (status = 404, description = "`invoice_not_found`"),
        (status = 409, description = "`invoice_paid`, `invoice_unnumbered`, `payment_under_way`, `reference_used`")),
    extensions(("x-no-idempotency-key" = json!("The reference is the key."))),
    security(("bearer" = ["billing.recordPayments"])))]
pub async fn record(
    State(app): State<App>,
    caller: Allowed<RecordPayments>,
    Path(id): Path<Uuid>,
    Json(transfer): Json<BankTransfer>,
) -> Result<Json<InvoicePayment>, Problem> {
    let currency = transfer.check()?;
    let payment = Payment {
        id: app.ambient.uuid(),
        kind: PaymentKind::BankTransfer,
        reference: transfer.reference,
        amount_minor: transfer.amount_minor,
        currency,
        received_at: app.ambient.now(),
        recorded_by: Some(caller.principal.to_string()),
    };
    if let Some(shown) = keep(&app, &caller, id, &payment).await? {
        return Ok(Json(shown));
    }
    // The failed charge took no money any more when that was seen.
    keep(&app, &caller, id, &payment).await?.map(Json).ok_or_else(not_closed)
}

/// Keeps the payment, once; `None` if a failed charge had to be closed before, which is done then.
async fn keep(
    app: &App,
    caller: &Allowed<RecordPayments>,
    id: Uuid,
    payment: &Payment,
) -> Result<Option<InvoicePayment>, Problem> {
    let mut across = caller.begin_across_tenants(&app.db).await?;
    let tenant = store::tenant_of(&mut across, id).await?.ok_or_else(no_invoice)?;
    let tx = across.narrow(tenant).await?;
    let case = store::lock(tx, id).await?.ok_or_else(unnumbered)?;
    if !is_known(tx, &case, payment).await? {
        admit(tx, &case, payment).await?;
        let failed = attempt_store::unclosed(tx, id).await?;
        if let (Some(failed), Some(stripe)) = (failed, &app.payments.stripe) {
            let scope = tx.scope();
            across.commit().await?;
            let closed = canceling::close(app, &scope, stripe, &failed).await?.map_err(problems::of)?;
            return if closed { Ok(None) } else { Err(under_way()) };
        }
        settling::receive(tx, app, &case, payment).await?;
    }
    let shown = show(tx, id).await?.ok_or_else(no_invoice)?;
    across.commit().await?;
    Ok(Some(shown))
}

impl BankTransfer {
    fn check(&self) -> Result<Currency, Problem> {
        let mut errors = Vec::new();
        if self.reference.trim().is_empty() || self.reference.chars().count() > LONGEST_REFERENCE {
            let detail = format!("must have 1 to {LONGEST_REFERENCE} characters");
            errors.push(FieldError::new("reference", "out_of_range", detail));
        }
        match self.currency.parse() {
            Ok(currency) if errors.is_empty() => return Ok(currency),
            Ok(_) => {}
            Err(fault) => errors.push(FieldError::new("currency", "malformed", format!("{fault}"))),
        }
        Err(Problem::invalid(errors))
    }
}

/// Whether this transfer was recorded before.
async fn is_known(tx: &mut TenantTx, case: &Case, payment: &Payment) -> Result<bool, Problem> {
    let known = payment_store::list(tx, case.invoice_id).await?;
    let same = |known: &&Payment| known.kind == payment.kind && known.reference == payment.reference;
    let Some(known) = known.iter().find(same) else { return Ok(false) };
    if (known.amount_minor, &known.currency) != (payment.amount_minor, &payment.currency) {
        let detail = "A transfer with this reference and another amount was recorded for the invoice.";
        return Err(Problem::conflict("reference_used", detail));
    }
    Ok(true)
}

/// Refuses what does not pay the invoice, exactly and once.
async fn admit(tx: &mut TenantTx, case: &Case, payment: &Payment) -> Result<(), Problem> {
    if case.state == PaymentState::Paid {
        return Err(Problem::conflict("invoice_paid", "This invoice is paid already."));
    }
    if attempt_store::under_way(tx, case.invoice_id).await?.is_some() {
        return Err(under_way());
    }
    let mut errors = Vec::new();
    if payment.amount_minor != case.total_minor {
        let detail = format!("must be {}, which is what is open", case.total_minor);
        errors.push(FieldError::new("amount_minor", "not_what_is_open", detail));
    }
    if payment.currency != case.currency {
        errors.push(FieldError::new("currency", "not_the_invoices", format!("must be {}", case.currency)));
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

fn under_way() -> Problem {
    let detail = "The payment method is being charged for this invoice just now. Try again when that has ended.";
    Problem::conflict("payment_under_way", detail)
}

/// Another attempt has failed in between.
fn not_closed() -> Problem {
    Problem::unavailable(RETRY_AFTER, "The payment method was charged in the meantime. Try again.")
}

fn unnumbered() -> Problem {
    Problem::conflict("invoice_unnumbered", "This invoice has no number yet. Try again in a moment.")
}
