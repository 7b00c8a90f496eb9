//! The invoice of a cycle that was cut: its usage is added up, then becomes the lines of one invoice, in one transaction.

use super::store::{self as cycles, Taken};
use crate::{
    accounts,
    app::App,
    invoices::{
        lines::{self, NotInvoiced},
        numbering,
        store::{self as invoices, Draft},
    },
    usage::{
        part_store,
        parts::{Part, Parts},
        window::{Areas, Span, Window},
    },
};
use chrono::TimeDelta;
use common::db::{Background, Scoped, TenantTx};
use uuid::Uuid;

/// Whoever has taken up a cycle and does not renew this is taken to be dead.
pub const LEASE: TimeDelta = TimeDelta::minutes(2);
/// Before a cycle that could not be cut or made is tried again.
pub const DEFERRED: TimeDelta = TimeDelta::seconds(5);
/// Events read in one transaction.
const AT_ONCE: i64 = 20_000;

/// Makes the invoice, unless somebody else has, or an earlier one of the tenant comes first.
pub async fn make(app: &App, background: Background, cycle: &Taken) -> Result<(), NotInvoiced> {
    let mut tx = background.begin(&app.db, cycle.tenant_id).await?;
    let Some((window, earlier)) = cycles::window(&mut tx, cycle.id).await? else {
        return put_off(tx, app, cycle).await;
    };
    let mut parts = Parts::new(Areas::new(window, earlier, part_store::versions(&mut tx).await?));
    let mut last = Uuid::nil();
    while let Some(next) = add(&mut tx, &window, &mut parts, last).await? {
        last = next;
        // A short transaction each: another closer sees that this one is alive.
        cycles::defer(&mut tx, cycle.id, app.ambient.now() + LEASE).await?;
        tx.commit().await?;
        tx = background.begin(&app.db, cycle.tenant_id).await?;
    }
    // What an instance ran has become known meanwhile: parts are cut where versions change, and priced by them.
    if part_store::versions(&mut tx).await? != *parts.versions() {
        return put_off(tx, app, cycle).await;
    }
    if cycles::close(&mut tx, cycle.id, app.ambient.now()).await? {
        invoice(&mut tx, app, cycle, window.cycle, parts.finish()).await?;
        tx.wake(numbering::NUMBER);
        tx.commit().await?;
    }
    Ok(())
}

/// Tried again soon.
async fn put_off(mut tx: TenantTx, app: &App, cycle: &Taken) -> Result<(), NotInvoiced> {
    cycles::defer(&mut tx, cycle.id, app.ambient.now() + DEFERRED).await?;
    Ok(tx.commit().await?)
}

/// Adds up some events; gives the last of them if there may be more.
async fn add(tx: &mut TenantTx, window: &Window, parts: &mut Parts, after: Uuid) -> Result<Option<Uuid>, NotInvoiced> {
    let events = part_store::events(tx, window, after, AT_ONCE).await?;
    events.iter().try_for_each(|event| parts.add(event))?;
    Ok(events.last().filter(|_| events.len() == AT_ONCE as usize).map(|event| event.input.id()))
}

async fn invoice(
    tx: &mut TenantTx,
    app: &App,
    cycle: &Taken,
    period: Span,
    parts: Vec<Part>,
) -> Result<(), NotInvoiced> {
    let draft = Draft { id: app.ambient.uuid(), cycle_id: cycle.id, period, issued_at: app.ambient.now() };
    let account = accounts::store::find(tx).await?.ok_or(sqlx::Error::RowNotFound)?;
    let total = lines::add(tx, &app.ambient, &account, &draft, parts).await?;
    Ok(invoices::finalize(tx, &account, &draft, total).await?)
}
