//! The invoice of a cycle that was cut: its usage is added up, then becomes the lines of one invoice.

use super::store::{self as cycles, Taken};
use crate::{
    accounts::Account,
    adjustments::making::{self, adjust},
    app::App,
    invoices::{
        lines::{self, Bill},
        not_invoiced::NotInvoiced,
        numbering,
        store::{self as invoices, Draft},
    },
    plans,
    usage::{
        interval_store, part_store,
        parts::Parts,
        periods::Periods,
        window::{Areas, Window},
    },
};
use chrono::TimeDelta;
use common::db::{Background, Scoped, TenantTx};
use futures_util::TryStreamExt;
use std::pin::pin;
use uuid::Uuid;

/// Whoever is at a cycle of many events and does not renew this is taken to be dead.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// Before a cycle that could not be cut or made is tried again.
pub const DEFERRED: TimeDelta = TimeDelta::seconds(5);
/// Before one is looked at again that waits for an earlier one; when that is closed it is due at once.
const BEHIND: TimeDelta = TimeDelta::days(1);
/// Events that are read in the transaction of the cut, in which nobody records usage of the tenant.
const AT_FIRST: i64 = 2_000;
/// Events that are read in one transaction from then on.
const AT_ONCE: i64 = 20_000;

/// Makes the invoice, unless somebody else has, or an earlier one of the tenant comes first. Commits `tx`, and goes on in
/// others if there are many events.
pub async fn make(mut tx: TenantTx, app: &App, background: Background, cycle: &Taken) -> Result<(), NotInvoiced> {
    let Some((window, earlier)) = cycles::window(&mut tx, cycle.id).await? else {
        return put_off(tx, app, cycle, BEHIND).await;
    };
    let account = cycle.account()?;
    let mut prices = plans::store::price_list(&mut tx, account.currency.code()).await?;
    let periods = Periods::new(earlier, window.cycle);
    let mut parts = Parts::new(Areas::new(window, periods.clone(), prices.terms().clone()));
    let (mut last, mut limit) = (Uuid::nil(), AT_FIRST);
    while let Some(next) = add(&mut tx, &window, &mut parts, last, limit).await? {
        (last, limit) = (next, AT_ONCE);
        // A short transaction each: another closer sees that this one is alive.
        cycles::defer(&mut tx, cycle.id, app.ambient.now() + LEASE).await?;
        tx.commit().await?;
        tx = background.begin(&app.db, cycle.tenant_id).await?;
        prices = plans::store::price_list(&mut tx, account.currency.code()).await?;
    }
    // Parts are cut where the version of a plan changes that the tenant pays by, and priced by it.
    if prices.terms() != parts.terms() {
        return put_off(tx, app, cycle, DEFERRED).await;
    }
    if cycles::close(&mut tx, cycle.id, app.ambient.now()).await? {
        let draft =
            Draft { id: app.ambient.uuid(), cycle_id: cycle.id, period: window.cycle, issued_at: app.ambient.now() };
        let due = interval_store::hold_due(&mut tx, window.cycle.until).await?;
        let bill = lines::price(&mut tx, &app.ambient, &periods, &prices, &due, parts.finish()).await?;
        finalize(tx, app, &account, &draft, bill).await?;
    }
    Ok(())
}

async fn finalize(
    mut tx: TenantTx,
    app: &App,
    account: &Account,
    draft: &Draft,
    bill: Bill<'_>,
) -> Result<(), NotInvoiced> {
    let adjusted = adjust(&mut tx, app, account, draft.period, &bill.lines).await?;
    bill.write(&mut tx, draft).await?;
    making::write(&mut tx, draft.id, &adjusted).await?;
    invoices::finalize(&mut tx, account, draft, &adjusted).await?;
    tx.wake(numbering::NUMBER);
    Ok(tx.commit().await?)
}

/// Tried again after `pause`.
async fn put_off(mut tx: TenantTx, app: &App, cycle: &Taken, pause: TimeDelta) -> Result<(), NotInvoiced> {
    cycles::defer(&mut tx, cycle.id, app.ambient.now() + pause).await?;
    Ok(tx.commit().await?)
}

/// Adds up some events; gives the last of them if there may be more.
async fn add(
    tx: &mut TenantTx,
    window: &Window,
    parts: &mut Parts,
    after: Uuid,
    limit: i64,
) -> Result<Option<Uuid>, NotInvoiced> {
    let mut events = pin!(part_store::events(tx, window, after, limit));
    let (mut read, mut last) = (0, None);
    while let Some(event) = events.try_next().await? {
        parts.add(&event)?;
        (read, last) = (read + 1, Some(event.input.id()));
    }
    Ok(last.filter(|_| read == limit))
}
