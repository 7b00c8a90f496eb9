//! The numberer: invoices get their numbers after the close, without gaps, from one process at a time; then they are
//! mailed. A close waits for no other close because of them.

use super::{
    mail,
    number_store::{self as store, Numbered},
    store as invoices,
};
use crate::{accounts, app::App};
use common::{db::Background, poller::Poller};
use messaging::OutboxError;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a commit wakes the numberer for.
pub const NUMBER: &str = "number invoices";
/// How often it is looked for invoices without a number.
const LOOK: Duration = Duration::from_secs(10);
/// Invoices in one transaction.
const BATCH: i64 = 50;

/// Gives numbers until `shutdown`.
pub async fn run(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::new(app.db.wake(NUMBER), LOOK, shutdown);
    while poller.next().await {
        poller.report(number(&app, background).await, "Invoices have no numbers yet; they get them later");
    }
}

/// Numbers and mails some invoices; gives whether there may be more.
async fn number(app: &App, background: Background) -> Result<bool, OutboxError> {
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let numbered = store::number(&mut tx, BATCH).await?;
    for Numbered { invoice_id, tenant_id } in &numbered {
        let tx = tx.narrow(*tenant_id).await?;
        let account = accounts::store::find(tx).await?.ok_or(sqlx::Error::RowNotFound)?;
        let invoice = invoices::find(tx, *invoice_id).await?.ok_or(sqlx::Error::RowNotFound)?;
        let lines = invoices::lines(tx, *invoice_id).await?;
        messaging::publish(tx, &mail::order(&account, &invoice, &lines)).await?;
    }
    tx.commit().await?;
    Ok(numbered.len() == BATCH as usize)
}
