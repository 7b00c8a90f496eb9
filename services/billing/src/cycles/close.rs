//! How does a cycle end? In one transaction: its usage becomes the lines of one invoice, the next cycle begins, the mail is ordered.

use super::store::{self as cycles, CycleState, Held};
use crate::{
    accounts::{self, Account},
    invoices::{
        draft::{self, Draft},
        mail,
        model::TooLarge,
        store::{self as invoices, Invoice},
    },
};
use common::{
    ambient::Ambient,
    db::{CrossTenantTx, TenantTx},
    problem::Problem,
};
use messaging::OutboxError;
use uuid::Uuid;

/// What a close came to.
pub struct Closed {
    pub invoice: Invoice,
    /// Whether it was this call that closed the cycle.
    pub now: bool,
}

/// Nothing may be committed.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    #[error("the cycle cannot be closed in the database")]
    Database(#[from] sqlx::Error),
    #[error("the mail of the invoice cannot be ordered")]
    Mail(#[from] OutboxError),
    #[error("a line cannot be priced")]
    Price(#[from] TooLarge),
}

/// Closes the cycle at this moment; one that is closed gives the invoice that it has. `None` if there is no such cycle.
pub async fn close(tx: &mut CrossTenantTx, ambient: &Ambient, id: Uuid) -> Result<Option<Closed>, CloseError> {
    let Some(cycle) = cycles::hold(tx, id).await? else { return Ok(None) };
    let tx = tx.narrow(cycle.tenant_id).await?;
    if cycle.state == CycleState::Closed {
        let invoice = invoices::of_cycle(tx, cycle.id).await?;
        return Ok(Some(Closed { invoice, now: false }));
    }
    let account = accounts::find(tx).await?.ok_or(sqlx::Error::RowNotFound)?;
    let invoice = invoice(tx, ambient, &account, &cycle).await?;
    let lines = invoices::lines(tx, invoice.id).await?;
    messaging::publish(tx, &mail::order(&account, &invoice, &lines)).await?;
    Ok(Some(Closed { invoice, now: true }))
}

async fn invoice(tx: &mut TenantTx, ambient: &Ambient, account: &Account, cycle: &Held) -> Result<Invoice, CloseError> {
    // The clock that began the cycle may have been another machine's, a little ahead of ours.
    let now = ambient.now().max(cycle.start_at);
    cycles::close(tx, cycle, now).await?;
    cycles::open(tx, ambient.uuid(), now).await?;
    let draft = Draft { id: ambient.uuid(), cycle_id: cycle.id, period_start: cycle.start_at, period_end: now };
    draft::insert(tx, account, &draft).await?;
    draft::add_features(tx, ambient, account, &draft).await?;
    draft::add_meters(tx, ambient, account, &draft).await?;
    draft::finalize(tx, draft.id).await?;
    Ok(invoices::of_cycle(tx, cycle.id).await?)
}

impl From<CloseError> for Problem {
    fn from(error: CloseError) -> Self {
        match error {
            CloseError::Database(error) | CloseError::Mail(OutboxError::Database(error)) => error.into(),
            other => Self::internal(&other),
        }
    }
}
