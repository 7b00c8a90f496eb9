//! Closers: each takes up one cycle at a time that is due, cuts the tenant's usage there, and has its invoice made. Any
//! of them may die at any moment; another one goes on.

use super::{
    making::{self, DEFERRED},
    store::{self, CycleState, Taken},
};
use crate::{
    app::App,
    calendar::{Schedule, Span},
    invoices::not_invoiced::NotInvoiced,
    usage::event_store,
};
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    db::{Background, TenantTx},
    poller::Poller,
    problem::Chain,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a commit wakes a closer for.
pub const CLOSE: &str = "close cycles";
/// Closers of one process; fewer than its connections, which requests need as well.
pub const CLOSERS: usize = 6;
/// How often it is looked for what is due.
const LOOK: Duration = Duration::from_secs(10);
/// After the end of a cycle, products may still tell what was used in it; what comes later is late.
const GRACE: TimeDelta = TimeDelta::hours(1);
/// Cycles after the first last so long at least; a month of the calendar has 28 days.
const SHORTEST: TimeDelta = TimeDelta::days(20);
/// How often cycles in trouble are counted.
const WATCH: Duration = Duration::from_secs(60);
/// A cycle that has ended so long ago should have its invoice.
const OVERDUE: TimeDelta = TimeDelta::minutes(90);
/// Nobody records usage of the tenant while a cut waits for those who do.
const PATIENCE: &str = "2s";

/// Closes what is due until `shutdown`.
pub async fn run(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::new(app.db.wake(CLOSE), LOOK, shutdown);
    while poller.next().await {
        poller.report(next(&app, background).await, "A cycle cannot be closed yet; it stays due");
    }
}

/// Says how many cycles are in trouble, until `shutdown`.
pub async fn watch(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(WATCH, shutdown);
    while poller.next().await {
        let troubled = async {
            let mut tx = background.begin_across_tenants(&app.db).await?;
            store::troubled(&mut tx, app.ambient.now() - OVERDUE).await
        };
        let counted = troubled.await.map(|(parked, overdue)| {
            metrics::gauge!("cycles_parked").set(parked as f64);
            metrics::gauge!("cycles_overdue").set(overdue as f64);
            false
        });
        poller.report(counted, "Cycles in trouble cannot be counted");
    }
}

/// Closes one cycle; gives whether there may be more.
async fn next(app: &App, background: Background) -> Result<bool, NotInvoiced> {
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let Some(cycle) = store::take(&mut tx, app.ambient.now()).await? else { return Ok(false) };
    let tx = tx.enter(cycle.tenant_id).await?;
    if let Err(fault) = close(tx, app, background, &cycle).await {
        let mut tx = background.begin(&app.db, cycle.tenant_id).await?;
        // Of an account that cannot be read nobody knows the next cycle, so that its open one is not cut.
        let Some(reason) = fault.lasting().filter(|_| cycle.account().is_ok()) else {
            // Another one goes first, as this one may not get through for a while.
            store::defer(&mut tx, cycle.id, app.ambient.now() + DEFERRED).await?;
            tx.commit().await?;
            return Err(fault);
        };
        if let NotInvoiced::Tax(missing) = &fault
            && missing.is_over(&mut tx).await?
        {
            store::defer(&mut tx, cycle.id, app.ambient.now()).await?;
            tx.commit().await?;
            return Ok(true);
        }
        tracing::error!(error = %Chain(&fault), cycle_id = %cycle.id, reason,
            "No invoice can be made of a cycle; it is parked");
        store::hold(&mut tx, cycle.id).await?;
        cut(&mut tx, app, &cycle).await?;
        store::park(&mut tx, cycle.id, &reason).await?;
        tx.commit().await?;
    }
    Ok(true)
}

/// Cuts the cycle and makes its invoice: in one transaction, if it has few events.
async fn close(mut tx: TenantTx, app: &App, background: Background, cycle: &Taken) -> Result<(), NotInvoiced> {
    cut(&mut tx, app, cycle).await?;
    making::make(tx, app, background, cycle).await
}

/// Everything that is numbered until now can be on the cycle's invoice; the next cycle begins. Nothing if it is cut.
async fn cut(tx: &mut TenantTx, app: &App, cycle: &Taken) -> Result<(), NotInvoiced> {
    if cycle.state != CycleState::Open {
        return Ok(());
    }
    event_store::hold_alone(tx, PATIENCE).await?;
    let next = next_cycle(&cycle.account()?.schedule, cycle.end_at);
    Ok(store::cut(tx, cycle.id, app.ambient.uuid(), next, next.until + GRACE).await?)
}

/// What begins after a cut that is no boundary of the calendar, as this was edited or somebody closed a cycle early, is
/// rather long than short: what is priced by the cycle has no more cycles by that.
fn next_cycle(schedule: &Schedule, from: DateTime<Utc>) -> Span {
    let until = schedule.next_after(from);
    Span { from, until: if until - from < SHORTEST { schedule.next_after(until) } else { until } }
}

/// Begins the first cycle of an account; it is due when products have had time to tell what was used in it.
pub async fn begin(tx: &mut TenantTx, app: &App, schedule: &Schedule, at: DateTime<Utc>) -> sqlx::Result<()> {
    let cycle = Span { from: at, until: schedule.next_after(at) };
    store::open(tx, app.ambient.uuid(), cycle, cycle.until + GRACE).await
}
