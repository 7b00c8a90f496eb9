//! The close of a cycle, one transaction: its usage becomes the lines of one invoice, the next cycle begins, the mail
//! is ordered.

use super::store::{self as cycles, CycleState, Held};
use crate::{
    accounts::{self, Account},
    invoices::{
        draft::{self, NotInvoiced},
        mail,
        store::{self as invoices, Draft, Invoice},
    },
};
use common::{
    ambient::Ambient,
    db::{CrossTenantTx, TenantTx},
};
use uuid::Uuid;

/// What a close came to.
pub struct Closed {
    pub invoice: Invoice,
    /// Whether it was this call that closed the cycle.
    pub now: bool,
}

/// Closes the cycle at this moment; one that is closed gives the invoice that it has. `None` if there is no such cycle.
pub async fn close(tx: &mut CrossTenantTx, ambient: &Ambient, id: Uuid) -> Result<Option<Closed>, NotInvoiced> {
    let Some(cycle) = cycles::hold(tx, id).await? else { return Ok(None) };
    let tx = tx.narrow(cycle.tenant_id).await?;
    if cycle.state == CycleState::Closed {
        let invoice = invoices::of_cycle(tx, cycle.id).await?;
        return Ok(Some(Closed { invoice, now: false }));
    }
    let account = accounts::store::find(tx).await?.ok_or(sqlx::Error::RowNotFound)?;
    let invoice = invoice(tx, ambient, &account, &cycle).await?;
    let lines = invoices::lines(tx, invoice.id).await?;
    messaging::publish(tx, &mail::order(&account, &invoice, &lines)).await?;
    Ok(Some(Closed { invoice, now: true }))
}

async fn invoice(
    tx: &mut TenantTx,
    ambient: &Ambient,
    account: &Account,
    cycle: &Held,
) -> Result<Invoice, NotInvoiced> {
    // The clock that began the cycle may have been another machine's, a little ahead of ours.
    let now = ambient.now().max(cycle.start_at);
    cycles::close(tx, cycle, now).await?;
    cycles::open(tx, ambient.uuid(), now).await?;
    let draft = Draft { id: ambient.uuid(), cycle_id: cycle.id, period_start: cycle.start_at, period_end: now };
    invoices::insert(tx, account, &draft).await?;
    draft::add_features(tx, ambient, account, &draft).await?;
    draft::add_meters(tx, ambient, account, &draft).await?;
    invoices::finalize(tx, draft.id).await?;
    Ok(invoices::of_cycle(tx, cycle.id).await?)
}
