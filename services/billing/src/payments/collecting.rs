//! Collectors: each takes up one invoice at a time whose turn it is, and charges it, asks what became of that, or
//! reminds its tenant. Any of them may die at any moment; another one goes on.

use super::{
    attempt_store, canceling, charging, detaching, dunning, event_store, events,
    model::PaymentState,
    provider::ChargeKey,
    settling,
    store::{self, Due},
};
use crate::app::App;
use chrono::TimeDelta;
use common::{db::Background, poller::Poller};
use messaging::OutboxError;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a commit wakes a collector for.
pub const COLLECT: &str = "collect payments";
/// Collectors of one process; each waits for the payment provider most of the time, without a connection.
pub const COLLECTORS: usize = 4;
/// How often it is looked for what is due.
const LOOK: Duration = Duration::from_secs(10);
/// Whoever has taken up something and does not put it off is taken to be dead. Longer than all calls of one turn.
const LEASE: TimeDelta = TimeDelta::minutes(10);
/// An attempt that is under way for so long is counted.
const STUCK: TimeDelta = TimeDelta::days(1);
/// How often it is counted and pruned.
const WATCH: Duration = Duration::from_secs(600);
/// Stripe repeats an event for 3 days.
const EVENTS_KEPT: TimeDelta = TimeDelta::days(30);
/// Events forgotten in one statement.
const PRUNED: i64 = 500;
/// Before it is looked whether payments are configured again.
const UNCONFIGURED: TimeDelta = TimeDelta::hours(1);

/// Collects until `shutdown`.
pub async fn run(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::new(app.db.wake(COLLECT), LOOK, shutdown);
    while poller.next().await {
        poller.report(next(&app, background).await, "A payment cannot be collected yet; it stays due");
    }
}

/// Counts what is stuck and forgets old events, until `shutdown`.
pub async fn watch(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(WATCH, shutdown);
    while poller.next().await {
        poller.report(watched(&app, background).await, "Payments in trouble cannot be counted");
    }
}

async fn watched(app: &App, background: Background) -> sqlx::Result<bool> {
    let now = app.ambient.now();
    let mut tx = background.begin_across_tenants(&app.db).await?;
    metrics::gauge!("payment_attempts_stuck").set(store::stuck(&mut tx, now - STUCK).await? as f64);
    let pruned = event_store::prune(&mut tx, now - EVENTS_KEPT, PRUNED).await?;
    tx.commit().await?;
    Ok(pruned == PRUNED.unsigned_abs())
}

/// Takes up one event, one payment method that was removed, one tenant whose standing was last said yesterday, and one
/// invoice; gives whether there may be more.
async fn next(app: &App, background: Background) -> Result<bool, OutboxError> {
    let told = events::next(app, background).await?;
    let detached = detaching::next(app, background).await?;
    let said = settling::say_again(app, background).await?;
    let Some(due) = take(app, background).await? else { return Ok(told || detached || said) };
    look(app, background, due).await?;
    Ok(true)
}

async fn take(app: &App, background: Background) -> sqlx::Result<Option<Due>> {
    let now = app.ambient.now();
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let due = store::take(&mut tx, now, now + LEASE).await?;
    tx.commit().await?;
    Ok(due)
}

/// Does what is due for an invoice.
async fn look(app: &App, background: Background, due: Due) -> Result<(), OutboxError> {
    let scope = background.scope(&app.db, due.tenant_id);
    let mut tx = scope.begin().await?;
    let Some(case) = store::lock(&mut tx, due.invoice_id).await? else { return Ok(()) };
    let under_way = attempt_store::under_way(&mut tx, case.invoice_id).await?;
    let under_way = under_way.map(|attempt| ChargeKey { invoice_id: case.invoice_id, attempt });
    let next = match under_way {
        None if case.state == PaymentState::Open => charging::next(&mut tx, app, &case).await?,
        _ => None,
    };
    let failed = attempt_store::unclosed(&mut tx, case.invoice_id).await?;
    if let (Some(_), Some(failed), Some(stripe)) = (&next, failed, &app.payments.stripe) {
        tx.commit().await?;
        return canceling::close_before_next(app, &scope, stripe, &failed).await;
    }
    let attempt = match next {
        Some(order) => Some(charging::begin(&mut tx, app, &order).await?),
        None => under_way,
    };
    match (attempt, &app.payments.stripe) {
        (Some(key), Some(stripe)) => {
            tx.commit().await?;
            charging::conclude(app, &scope, stripe, key).await
        }
        (Some(key), None) => {
            tracing::error!(%key, "A charge is under way, and payments are not configured any more: nobody knows what \
                became of it");
            store::put_off(&mut tx, case.invoice_id, app.ambient.now() + UNCONFIGURED, case.repeats).await?;
            Ok(tx.commit().await?)
        }
        (None, _) if case.state != PaymentState::Open => {
            store::rest(&mut tx, case.invoice_id).await?;
            Ok(tx.commit().await?)
        }
        (None, _) => {
            dunning::awaited(&mut tx, app, &case).await?;
            Ok(tx.commit().await?)
        }
    }
}
