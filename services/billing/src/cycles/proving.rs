//! Proofs of closed cycles: is every event that a cycle took in a part, every part on its line or waiting for a rate, and
//! do lines, adjustments and taxes add up to the invoice? Proved soon after the close, every night for some weeks, and
//! whenever somebody asks. What is wrong is shown, counted in a gauge, and mended by nobody but a person.

use super::proof_store::{self as store, Invoiced, Proved};
use crate::{adjustments, app::App, calendar::Span, taxes};
use chrono::TimeDelta;
use common::{db::Background, poller::Poller};
use rust_decimal::Decimal;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What a commit wakes [`run`] for.
pub const PROVE: &str = "prove cycles";
/// How often it is looked for what is due.
const LOOK: Duration = Duration::from_secs(60);
/// Whoever proves a cycle and dies is taken over from after this.
const LEASE: TimeDelta = TimeDelta::minutes(30);
/// From one proof of a cycle to the next.
const EVERY: TimeDelta = TimeDelta::days(1);
/// So long after its end a cycle is proved every night.
const WATCHED: TimeDelta = TimeDelta::days(35);
/// Events counted in one transaction.
const AT_ONCE: i64 = 100_000;

/// Proves what is due until `shutdown`.
pub async fn run(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::new(app.db.wake(PROVE), LOOK, shutdown);
    while poller.next().await {
        poller.report(next(&app, background).await, "A cycle cannot be proved yet; it stays due");
    }
}

/// Proves one cycle; gives whether there may be more.
async fn next(app: &App, background: Background) -> sqlx::Result<bool> {
    let now = app.ambient.now();
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let taken = store::take(&mut tx, now, now + LEASE).await?;
    metrics::gauge!("cycles_faulty").set(store::faulty(&mut tx).await? as f64);
    tx.commit().await?;
    let Some(cycle) = taken else { return Ok(false) };
    let faults = faults(app, background, &cycle).await?;
    if !faults.is_empty() {
        tracing::error!(cycle_id = %cycle.id, ?faults, "A cycle is not what its raw rows say");
    }
    let again = (cycle.end_at + WATCHED > now).then(|| now + EVERY);
    let mut tx = background.begin(&app.db, cycle.tenant_id).await?;
    store::proved(&mut tx, cycle.id, app.ambient.now(), &faults, again).await?;
    tx.commit().await?;
    Ok(true)
}

async fn faults(app: &App, background: Background, cycle: &Proved) -> sqlx::Result<Vec<String>> {
    let (mut events, mut quantity, mut last) = (0, Decimal::ZERO, Uuid::nil());
    loop {
        let mut tx = background.begin(&app.db, cycle.tenant_id).await?;
        let page = store::events(&mut tx, cycle, last, AT_ONCE).await?;
        events += page.events;
        quantity += page.quantity;
        match page.last_id {
            Some(next) if page.events == AT_ONCE => last = next,
            _ => break,
        }
    }
    let mut tx = background.begin(&app.db, cycle.tenant_id).await?;
    let mut faults = store::faults(&mut tx, cycle.id).await?;
    if store::parts(&mut tx, cycle.id).await? != (events, quantity) {
        faults.push("events_differ".into());
    }
    if let Some(Invoiced { id, currency, is_taxed }) = store::invoice(&mut tx, cycle.id).await? {
        let own = Span { from: cycle.start_at, until: cycle.end_at };
        if !adjustments::proof::are_equal(&mut tx, id, &currency, own, cycle.cut_seq).await? {
            faults.push("adjustments_differ".into());
        }
        if is_taxed && !taxes::proof::are_equal(&mut tx, id).await? {
            faults.push("taxes_differ".into());
        }
    }
    Ok(faults)
}
