//! What Stripe has told: an event only says that something has changed, so the charge itself is asked for. The order in
//! which events come does not matter then.

use super::{
    account, attempt_store, charging,
    event_store::{self, DueEvent},
    provider::{Charge, Fault, PaymentProvider},
    store,
};
use crate::app::App;
use chrono::TimeDelta;
use common::{
    backoff::Backoff,
    db::{Background, TenantScope},
    problem::Chain,
};
use messaging::OutboxError;
use std::time::Duration;

/// Whoever has taken up an event and does not put it off is taken to be dead. Longer than the one call that it takes.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// Before a charge is asked for again.
const AGAIN: Backoff = Backoff { base: Duration::from_secs(5), factor: 2, cap: Duration::from_secs(3600) };
/// An event that could not be looked at for so long is left alone; its attempt is asked for by itself.
const GIVEN_UP: TimeDelta = TimeDelta::days(7);

/// Looks at one event; gives whether there may be more.
pub async fn next(app: &App, background: Background) -> Result<bool, OutboxError> {
    let Some(stripe) = &app.payments.stripe else { return Ok(false) };
    let now = app.ambient.now();
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let event = event_store::take(&mut tx, now, now + LEASE).await?;
    tx.commit().await?;
    let Some(event) = event else { return Ok(false) };
    let scope = background.scope(&app.db, event.tenant_id);
    let charge = match account::check(app, stripe).await? {
        Ok(()) => stripe.retrieve(&event.intent_id).await,
        Err(fault) => Err(fault),
    };
    match charge {
        Ok(charge) => apply(app, &scope, stripe, &event, &charge).await?,
        Err(fault) => put_off(app, &scope, &event, &fault).await?,
    }
    Ok(true)
}

async fn apply<P: PaymentProvider>(
    app: &App,
    scope: &TenantScope,
    provider: &P,
    event: &DueEvent,
    charge: &Charge,
) -> Result<(), OutboxError> {
    let mut tx = scope.begin().await?;
    let case = store::lock(&mut tx, event.invoice_id).await?;
    let key = charge.key.filter(|key| key.invoice_id == event.invoice_id);
    let made = match key {
        Some(key) => attempt_store::find(&mut tx, key).await?,
        None => None,
    };
    match (case, made) {
        (Some(case), Some(made)) => charging::apply(&mut tx, app, provider, &case, &made, charge).await?,
        _ => tracing::warn!(event_id = event.id, intent_id = event.intent_id, "An event is of no attempt of ours"),
    }
    event_store::put_off(&mut tx, &event.id, None).await?;
    Ok(tx.commit().await?)
}

async fn put_off(app: &App, scope: &TenantScope, event: &DueEvent, fault: &Fault) -> Result<(), OutboxError> {
    let now = app.ambient.now();
    let ended = *fault == Fault::Missing || now - event.received_at > GIVEN_UP;
    let pause = TimeDelta::from_std(AGAIN.ceiling(event.tries.unsigned_abs())).unwrap_or(TimeDelta::hours(1));
    tracing::warn!(event_id = event.id, intent_id = event.intent_id, ended, error = %Chain(fault),
        "A charge that an event told of cannot be asked for");
    let mut tx = scope.begin().await?;
    event_store::put_off(&mut tx, &event.id, (!ended).then_some(now + pause)).await?;
    Ok(tx.commit().await?)
}
