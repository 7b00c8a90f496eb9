//! Canceling: a charge that has failed could still be confirmed at Stripe. It is told to take no money any more before
//! the invoice is charged anew, or paid otherwise. Operators cancel what nobody understands.

use super::{
    account,
    attempt_store::{self, Unclosed},
    charging,
    model::PaymentState,
    problems,
    provider::{Charge, ChargeKey, ChargeState, Fault, PaymentProvider},
    routes::{InvoicePayment, no_invoice, show},
    store,
    stripe::Stripe,
};
use crate::app::App;
use access::Allowed;
use axum::extract::State;
use chrono::TimeDelta;
use common::{
    db::TenantScope,
    http::{Json, Path},
    problem::Problem,
};
use messaging::OutboxError;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

access::permissions! { pub CancelPayments = platform "billing.cancelPayments" }

/// Before a charge is looked at again that may still take money.
const PENDING: TimeDelta = TimeDelta::hours(6);

#[derive(Deserialize, ToSchema)]
pub struct AttemptCancellation {
    /// Number of the attempt that is under way, as it was seen.
    #[schema(minimum = 1, example = 1)]
    attempt: i32,
}

#[utoipa::path(post, path = "/v1/invoices/{id}/payment/cancel", operation_id = "cancelPaymentAttempt", tag = "payments",
    params(("id" = Uuid, Path)), request_body = AttemptCancellation,
    responses((status = 200, body = InvoicePayment),
        (status = 404, description = "`invoice_not_found`"),
        (status = 409, description = "`attempt_not_under_way`, `attempt_without_charge`, `charge_not_canceled`, \
            `payments_not_configured`")),
    extensions(("x-no-idempotency-key" = json!("An attempt ends once."))),
    security(("bearer" = ["billing.cancelPayments"])))]
pub async fn cancel(
    State(app): State<App>,
    caller: Allowed<CancelPayments>,
    Path(id): Path<Uuid>,
    Json(asked): Json<AttemptCancellation>,
) -> Result<Json<InvoicePayment>, Problem> {
    let (stripe, key) = (problems::stripe(&app)?, ChargeKey { invoice_id: id, attempt: asked.attempt });
    let mut across = caller.begin_across_tenants(&app.db).await?;
    let tenant = store::tenant_of(&mut across, id).await?.ok_or_else(no_invoice)?;
    let tx = across.narrow(tenant).await?;
    let made = attempt_store::find(tx, key).await?.filter(|made| made.outcome.is_none());
    let intent_id = made.ok_or_else(not_under_way)?.intent_id.ok_or_else(without_charge)?;
    let scope = tx.scope();
    across.commit().await?;
    account::check(&app, stripe).await?.map_err(problems::of)?;
    let charge = stripe.cancel(&intent_id).await.map_err(problems::of)?;
    tracing::warn!(%key, intent_id, operator = %caller.principal, state = ?charge.state,
        "An operator has had a charge canceled");
    end(&app, &scope, stripe, key, &charge, &caller.principal.to_string()).await.map(Json)
}

/// Writes down what has become of a charge that an operator has had canceled.
async fn end(
    app: &App,
    scope: &TenantScope,
    stripe: &Stripe,
    key: ChargeKey,
    charge: &Charge,
    operator: &str,
) -> Result<InvoicePayment, Problem> {
    let (mut tx, case, made) = charging::find(scope, key).await?.ok_or_else(no_invoice)?;
    if matches!(charge.state, ChargeState::Canceled { .. }) {
        attempt_store::canceled_by(&mut tx, key, operator).await?;
    }
    charging::apply(&mut tx, app, stripe, &case, &made, charge).await?;
    let is_under_way = attempt_store::find(&mut tx, key).await?.is_some_and(|made| made.outcome.is_none());
    let shown = show(&mut tx, key.invoice_id).await?.ok_or_else(no_invoice)?;
    tx.commit().await?;
    if is_under_way { Err(not_canceled()) } else { Ok(shown) }
}

/// Has a failed attempt take no money any more; gives whether that is so. If it took some in the meantime, that is
/// written down. No transaction is open while the provider is asked.
pub async fn close<P: PaymentProvider>(
    app: &App,
    scope: &TenantScope,
    provider: &P,
    failed: &Unclosed,
) -> Result<Result<bool, Fault>, OutboxError> {
    let answer = match account::check(app, provider).await? {
        Ok(()) => provider.cancel(&failed.intent_id).await,
        Err(fault) => Err(fault),
    };
    let charge = match answer {
        Ok(charge) => charge,
        Err(fault) => return Ok(Err(fault)),
    };
    let Some((mut tx, case, made)) = charging::find(scope, failed.key).await? else { return Ok(Ok(true)) };
    charging::apply(&mut tx, app, provider, &case, &made, &charge).await?;
    // What took money that is not ours may take ours, too: somebody must look.
    let is_closed = match &charge.state {
        ChargeState::Canceled { .. } => true,
        ChargeState::Succeeded { amount, currency } => charging::is_ours(provider, &made, &charge, *amount, currency),
        _ => false,
    };
    if is_closed {
        attempt_store::close(&mut tx, failed.key, app.ambient.now()).await?;
    }
    tx.commit().await?;
    Ok(Ok(is_closed))
}

/// As [`close`], for an invoice that is to be charged anew then: it is due again at once, or when that may work.
pub async fn close_before_next(
    app: &App,
    scope: &TenantScope,
    stripe: &Stripe,
    failed: &Unclosed,
) -> Result<(), OutboxError> {
    let closed = close(app, scope, stripe, failed).await?;
    let Some((mut tx, case, _)) = charging::find(scope, failed.key).await? else { return Ok(()) };
    let now = app.ambient.now();
    match closed {
        _ if case.state != PaymentState::Open => {}
        Ok(true) => store::put_off(&mut tx, case.invoice_id, now, 0).await?,
        Ok(false) => store::put_off(&mut tx, case.invoice_id, now + PENDING, 0).await?,
        Err(fault) => charging::put_off(&mut tx, app, &case, &fault).await?,
    }
    Ok(tx.commit().await?)
}

fn not_under_way() -> Problem {
    Problem::conflict("attempt_not_under_way", "No attempt of this number is under way. Look at the invoice again.")
}

fn without_charge() -> Problem {
    let detail = "Stripe has not said yet which charge this attempt is. It is asked again by itself.";
    Problem::conflict("attempt_without_charge", detail)
}

fn not_canceled() -> Problem {
    let detail = "This charge may still take money at Stripe, or has taken some that is not the invoice's. Pay that \
        back there, or wait for the bank, and try again.";
    Problem::conflict("charge_not_canceled", detail)
}
