//! Attempts to charge an invoice: each is written down before the provider hears of it, and sent again under its key
//! until its outcome is known.

use super::{
    account,
    attempt_store::{self, Made},
    dunning, method_store,
    model::{Outcome, PaymentState},
    payment_store::{Payment, PaymentKind},
    provider::{Charge, ChargeKey, ChargeOrder, ChargeState, Fault, PaymentProvider},
    settling,
    store::{self, Case},
};
use crate::app::App;
use chrono::TimeDelta;
use common::{
    backoff::Backoff,
    db::{TenantScope, TenantTx},
    problem::Chain,
};
use contracts::mails::ReminderReason;
use messaging::OutboxError;
use std::time::Duration;

/// Before an attempt without an outcome is sent again.
const AGAIN: Backoff = Backoff { base: Duration::from_secs(30), factor: 2, cap: Duration::from_secs(3600) };
/// Before it is looked whether an operator has put right what the provider refuses.
const CONFIGURED: TimeDelta = TimeDelta::minutes(10);
/// A bank takes days; its end is also told by an event.
const PENDING: TimeDelta = TimeDelta::hours(6);
/// Before what is not understood is looked at again, or what has never arrived is begun anew.
const LATER: TimeDelta = TimeDelta::hours(1);

/// Attempts that one payment method may fail of an invoice; with another one the count begins anew.
const MOST_FAILED: i64 = 20;

/// The next attempt, if the invoice can be charged.
pub async fn next(tx: &mut TenantTx, app: &App, case: &Case) -> sqlx::Result<Option<ChargeOrder>> {
    let amount = app.payments.stripe.as_ref().and_then(|stripe| stripe.amount(case.total_minor, &case.currency));
    if amount.is_none() || attempt_store::last_outcome(tx, case.invoice_id).await? == Some(Outcome::NotChargeable) {
        return Ok(None);
    }
    let method = method_store::find(tx).await?;
    let Some((customer_id, method_id)) = method.and_then(|method| Some((method.customer_id, method.method_id?))) else {
        return Ok(None);
    };
    if attempt_store::failed(tx, case.invoice_id, &method_id).await? >= MOST_FAILED {
        return Ok(None);
    }
    Ok(Some(ChargeOrder {
        key: ChargeKey { invoice_id: case.invoice_id, attempt: case.attempts + 1 },
        customer_id,
        method_id,
        amount_minor: case.total_minor,
        currency: case.currency.clone(),
        begun_at: app.ambient.now().timestamp(),
    }))
}

/// Begins an attempt, which must be concluded then; gives its key.
pub async fn begin(tx: &mut TenantTx, app: &App, order: &ChargeOrder) -> sqlx::Result<ChargeKey> {
    store::count_attempt(tx, order.key.invoice_id, order.key.attempt).await?;
    attempt_store::insert(tx, order, app.ambient.now()).await?;
    Ok(order.key)
}

/// Asks the provider for the outcome of an attempt that is under way. No transaction is open meanwhile.
pub async fn conclude<P: PaymentProvider>(
    app: &App,
    scope: &TenantScope,
    provider: &P,
    key: ChargeKey,
) -> Result<(), OutboxError> {
    let Some((tx, case, made)) = find(scope, key).await? else { return Ok(()) };
    tx.commit().await?;
    if made.outcome.is_some() {
        return Ok(());
    }
    let answer = match account::check(app, provider).await? {
        Ok(()) => ask(app, provider, &case, &made).await,
        Err(fault) => Err(fault),
    };
    let Some((mut tx, case, made)) = find(scope, key).await? else { return Ok(()) };
    match answer {
        Ok(Some(charge)) => apply(&mut tx, app, provider, &case, &made, &charge).await?,
        // An event has told the outcome meanwhile, and what is due next was planned then.
        Ok(None) | Err(_) if made.outcome.is_some() => {
            metrics::counter!("payment_answers_late_total").increment(1);
        }
        Ok(None) => give_up(&mut tx, app, &case, key).await?,
        Err(fault) => put_off(&mut tx, app, &case, &fault).await?,
    }
    Ok(tx.commit().await?)
}

/// The attempt, and its invoice, locked.
pub async fn find(scope: &TenantScope, key: ChargeKey) -> sqlx::Result<Option<(TenantTx, Case, Made)>> {
    let mut tx = scope.begin().await?;
    let Some(case) = store::lock(&mut tx, key.invoice_id).await? else { return Ok(None) };
    let made = attempt_store::find(&mut tx, key).await?;
    Ok(made.map(|made| (tx, case, made)))
}

/// `None` if the attempt has never arrived, and must not be sent any more.
async fn ask<P: PaymentProvider>(app: &App, provider: &P, case: &Case, made: &Made) -> Result<Option<Charge>, Fault> {
    if let Some(intent_id) = &made.intent_id {
        return provider.retrieve(intent_id).await.map(Some);
    }
    let age = (app.ambient.now() - made.begun_at).to_std().unwrap_or_default();
    let (remembered, is_open) = (age < P::REMEMBERS, case.state == PaymentState::Open);
    // The provider repeats an answer, be it that of a fault: what has become of it is only seen by looking.
    if (case.repeats > 0 || !remembered || !is_open)
        && let Some(found) = provider.find(&made.order).await?
    {
        return Ok(Some(found));
    }
    match (remembered, is_open) {
        (true, true) => provider.charge(&made.order).await.map(Some),
        (true, false) => Err(Fault::passing("the invoice is paid otherwise, and what was sent may still arrive")),
        (false, _) => Ok(None),
    }
}

/// Writes down what has become of an attempt, whoever told it, and however often.
pub async fn apply<P: PaymentProvider>(
    tx: &mut TenantTx,
    app: &App,
    provider: &P,
    case: &Case,
    made: &Made,
    charge: &Charge,
) -> Result<(), OutboxError> {
    let (key, now) = (made.order.key, app.ambient.now());
    if let Some(intent_id) = &charge.intent_id {
        attempt_store::name(tx, key, intent_id).await?;
    }
    match (&charge.state, &charge.intent_id) {
        (ChargeState::Succeeded { amount, currency }, Some(intent_id))
            if is_ours(provider, made, charge, *amount, currency) =>
        {
            attempt_store::end(tx, key, Outcome::Succeeded, None, now).await?;
            let payment = Payment {
                id: app.ambient.uuid(),
                kind: PaymentKind::Stripe,
                reference: intent_id.clone(),
                amount_minor: made.order.amount_minor,
                currency: made.order.currency.clone(),
                received_at: now,
                recorded_by: None,
            };
            settling::receive(tx, app, case, &payment).await?;
        }
        (ChargeState::Pending, _) if made.outcome.is_some() => {}
        (ChargeState::Pending, _) => store::put_off(tx, case.invoice_id, now + PENDING, 0).await?,
        (ChargeState::Declined { code }, _) => fail(tx, app, case, key, Outcome::Declined, code).await?,
        (ChargeState::ActionRequired { code }, _) => fail(tx, app, case, key, Outcome::ActionRequired, code).await?,
        (ChargeState::NotChargeable { code }, _) => {
            end(tx, app, case, key, Outcome::NotChargeable, code, TimeDelta::zero()).await?;
        }
        (ChargeState::Canceled { code }, _) => end(tx, app, case, key, Outcome::Canceled, code, LATER).await?,
        (ChargeState::Succeeded { .. } | ChargeState::Unclear { .. }, _) => {
            metrics::counter!("payment_answers_unclear_total").increment(1);
            tracing::error!(%key, intent_id = charge.intent_id, state = ?charge.state,
                "The payment provider says something of a charge that is not understood; somebody must look");
            if made.outcome.is_none() {
                store::put_off(tx, case.invoice_id, now + LATER, case.repeats.saturating_add(1)).await?;
            }
        }
    }
    Ok(())
}

/// Whether what was received is what this attempt was to charge.
pub fn is_ours<P: PaymentProvider>(provider: &P, made: &Made, charge: &Charge, amount: i64, currency: &str) -> bool {
    let order = &made.order;
    charge.key == Some(order.key)
        && provider.amount(order.amount_minor, &order.currency) == Some(amount)
        && currency.eq_ignore_ascii_case(order.currency.code())
}

/// Ends an attempt for which nobody is dunned; the invoice is looked at again after `pause`.
async fn end(
    tx: &mut TenantTx,
    app: &App,
    case: &Case,
    key: ChargeKey,
    outcome: Outcome,
    code: &str,
    pause: TimeDelta,
) -> sqlx::Result<()> {
    let now = app.ambient.now();
    if !attempt_store::end(tx, key, outcome, Some(code), now).await? {
        return Ok(());
    }
    tracing::warn!(%key, ?outcome, code, "An attempt to charge has ended without a fault of the customer's");
    store::put_off(tx, case.invoice_id, now + pause, 0).await
}

/// Ends an attempt that has failed; what is told once more changes nothing.
async fn fail(
    tx: &mut TenantTx,
    app: &App,
    case: &Case,
    key: ChargeKey,
    outcome: Outcome,
    code: &str,
) -> Result<(), OutboxError> {
    if !attempt_store::end(tx, key, outcome, Some(code), app.ambient.now()).await? || case.state != PaymentState::Open {
        return Ok(());
    }
    metrics::counter!("payment_attempts_failed_total").increment(1);
    let reason = dunning::reason(Some(outcome)).unwrap_or(ReminderReason::Declined);
    dunning::failed(tx, app, case, reason).await
}

/// The next attempt is another one, with a key of its own.
async fn give_up(tx: &mut TenantTx, app: &App, case: &Case, key: ChargeKey) -> Result<(), OutboxError> {
    let now = app.ambient.now();
    attempt_store::end(tx, key, Outcome::NotMade, None, now).await?;
    tracing::warn!(%key, "An attempt to charge has never arrived at the payment provider; another one follows");
    Ok(store::put_off(tx, case.invoice_id, now + LATER, 0).await?)
}

/// The attempt stays as it is, and is sent again later.
pub async fn put_off(tx: &mut TenantTx, app: &App, case: &Case, fault: &Fault) -> Result<(), OutboxError> {
    let (now, repeats) = (app.ambient.now(), case.repeats.saturating_add(1));
    let pause = match fault {
        Fault::Passing { retry_after, .. } => {
            tracing::warn!(invoice_id = %case.invoice_id, repeats, error = %Chain(fault),
                "A charge has no outcome yet; it is sent again");
            let pause = AGAIN.ceiling(repeats.unsigned_abs()).max(retry_after.unwrap_or_default());
            TimeDelta::from_std(pause).unwrap_or(LATER)
        }
        Fault::Configuration { .. } | Fault::Missing => {
            metrics::counter!("payment_configuration_faults_total").increment(1);
            tracing::error!(invoice_id = %case.invoice_id, error = %Chain(fault),
                "No invoice can be charged like this; somebody must look");
            CONFIGURED
        }
    };
    Ok(store::put_off(tx, case.invoice_id, now + pause, repeats).await?)
}
