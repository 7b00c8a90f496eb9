//! Detaching: what a tenant has removed here is removed at Stripe, too, which is asked until it has done it.

use super::{
    account,
    detachment_store::{self, DueDetachment},
    provider::Fault,
};
use crate::app::App;
use chrono::TimeDelta;
use common::{backoff::Backoff, db::Background, problem::Chain};
use std::time::Duration;

/// Whoever has taken up a method and does not put it off is taken to be dead. Longer than the calls of one turn.
const LEASE: TimeDelta = TimeDelta::minutes(5);
/// Before Stripe is asked again.
const AGAIN: Backoff = Backoff { base: Duration::from_secs(10), factor: 2, cap: Duration::from_secs(3600) };
/// Nobody asks for longer; the method is not charged in any case.
const GIVEN_UP: TimeDelta = TimeDelta::days(30);

/// Detaches one method; gives whether there may be more.
pub async fn next(app: &App, background: Background) -> sqlx::Result<bool> {
    let Some(stripe) = &app.payments.stripe else { return Ok(false) };
    let now = app.ambient.now();
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let due = detachment_store::take(&mut tx, now, now + LEASE).await?;
    tx.commit().await?;
    let Some(due) = due else { return Ok(false) };
    let detached = match account::check(app, stripe).await? {
        Ok(()) => stripe.detach(&due.method_id).await,
        Err(fault) => Err(fault),
    };
    let mut tx = background.begin(&app.db, due.tenant_id).await?;
    match detached.map_err(|fault| pause(app, &due, &fault)) {
        Err(Some(pause)) => detachment_store::put_off(&mut tx, &due.method_id, app.ambient.now() + pause).await?,
        Ok(()) | Err(None) => detachment_store::delete(&mut tx, &due.method_id).await?,
    }
    tx.commit().await?;
    Ok(true)
}

/// How long it waits; `None` if it is given up.
fn pause(app: &App, due: &DueDetachment, fault: &Fault) -> Option<TimeDelta> {
    let given_up = app.ambient.now() - due.removed_at > GIVEN_UP;
    let (tenant_id, tries) = (due.tenant_id, due.tries);
    if given_up {
        tracing::error!(%tenant_id, tries, error = %Chain(fault),
            "A payment method that was removed stays at Stripe; somebody must detach it there");
    } else {
        tracing::warn!(%tenant_id, tries, error = %Chain(fault), "A payment method cannot be detached at Stripe yet");
    }
    let pause = TimeDelta::from_std(AGAIN.ceiling(due.tries.unsigned_abs())).unwrap_or(TimeDelta::hours(1));
    (!given_up).then_some(pause)
}
