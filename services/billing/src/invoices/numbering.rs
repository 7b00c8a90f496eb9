//! The numberer: invoices get their numbers after the close, without gaps, from one process at a time; then they are
//! mailed. A close waits for no other close because of them.

use super::{mail, number_store as store};
use crate::{
    app::App,
    documents::rendering::RENDER,
    payments::{self, collecting::COLLECT},
};
use common::{
    db::{Background, CrossTenantTx, Scoped},
    poller::Poller,
    problem::Chain,
};
use contracts::messages::SendMail;
use messaging::{About, OutboxError};
use std::{slice, time::Duration};
use tokio_util::sync::CancellationToken;

/// What a commit wakes the numberer for.
pub const NUMBER: &str = "number invoices";
/// How often it is looked for invoices without a number.
const LOOK: Duration = Duration::from_secs(10);
/// At a month end many invoices are made at once, and numbered and mailed together.
const LINGER: Duration = Duration::from_millis(100);
/// Invoices in one transaction.
const BATCH: i64 = 100;
/// Lines in a mail: the message must stay within what SNS takes.
const MAILED_LINES: i64 = 200;

/// Gives numbers until `shutdown`.
pub async fn run(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::new(app.db.wake(NUMBER), LOOK, shutdown).lingering(LINGER);
    while poller.next().await {
        poller.report(number(&app, background).await, "Invoices have no numbers yet; they get them later");
    }
}

/// Numbers and mails some invoices, and has them collected; gives whether there may be more.
async fn number(app: &App, background: Background) -> Result<bool, OutboxError> {
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let invoices = store::number(&mut tx, BATCH).await?;
    if invoices.is_empty() {
        return Ok(false);
    }
    let ids: Vec<_> = invoices.iter().map(|invoice| invoice.id).collect();
    let now = app.ambient.now();
    payments::store::open(&mut tx, &ids, now, now + app.payments.due).await?;
    let lines = store::lines(&mut tx, &ids, MAILED_LINES).await?;
    let many = invoices.len();
    let mails = invoices.into_iter().map(|invoice| {
        let of = lines.partition_point(|line| line.invoice_id < invoice.id);
        let until = lines.partition_point(|line| line.invoice_id <= invoice.id);
        let of = &lines[of..until];
        (About { tenant: invoice.tenant_id, trace: None, data: mail::order(invoice, of) }, of.is_empty())
    });
    // Nobody needs a mail that says nothing.
    let mails: Vec<_> = mails.filter(|mail| !mail.1).map(|mail| mail.0).collect();
    mail(&mut tx, &mails).await?;
    tx.wake(COLLECT);
    // What is collected has a due date, as its document says.
    tx.wake(RENDER);
    tx.commit().await?;
    Ok(many == BATCH as usize)
}

/// Orders the mails; one that cannot be ordered keeps no other from its number.
async fn mail(tx: &mut CrossTenantTx, mails: &[About<SendMail>]) -> Result<(), OutboxError> {
    match messaging::publish_all(tx, mails).await {
        Err(OutboxError::Unfit(_) | OutboxError::Serialize(_)) => {}
        ordered => return ordered,
    }
    for mail in mails {
        match messaging::publish_all(tx, slice::from_ref(mail)).await {
            Err(fault @ (OutboxError::Unfit(_) | OutboxError::Serialize(_))) => {
                tracing::error!(error = %Chain(&fault), tenant_id = %mail.tenant, mail = mail.data.key,
                    "An invoice has its number and cannot be mailed");
            }
            ordered => ordered?,
        }
    }
    Ok(())
}
