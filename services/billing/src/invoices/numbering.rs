//! The numberer: invoices get their numbers after the close, without gaps, from one process at a time; then they are
//! mailed. A close waits for no other close because of them.

use super::{mail, number_store as store};
use crate::app::App;
use common::{db::Background, poller::Poller};
use messaging::{About, OutboxError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a commit wakes the numberer for.
pub const NUMBER: &str = "number invoices";
/// How often it is looked for invoices without a number.
const LOOK: Duration = Duration::from_secs(10);
/// Invoices in one transaction.
const BATCH: i64 = 100;

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
    let invoices = store::number(&mut tx, BATCH).await?;
    let ids: Vec<_> = invoices.iter().map(|invoice| invoice.id).collect();
    let lines = store::lines(&mut tx, &ids).await?;
    let many = invoices.len();
    let mails = invoices.into_iter().map(|invoice| {
        let of = lines.partition_point(|line| line.invoice_id < invoice.id);
        let until = lines.partition_point(|line| line.invoice_id <= invoice.id);
        About { tenant: invoice.tenant_id, trace: None, data: mail::order(invoice, &lines[of..until]) }
    });
    messaging::publish_all(&mut tx, &mails.collect::<Vec<_>>()).await?;
    tx.commit().await?;
    Ok(many == BATCH as usize)
}
