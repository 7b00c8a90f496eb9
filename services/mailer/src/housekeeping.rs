//! Housekeeping: claims of processes that died, mails whose time is over, and the memory of old ones come to an end.

use crate::{app::App, mails::queue_store, sending::store as sending};
use common::{db::Background, poller::Poller};
use sqlx::postgres::types::PgInterval;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A call to SES takes seconds, and writing down its answer up to a minute: what is "sending" for longer was left by a
/// process that died.
const ABANDONED_AFTER: PgInterval = PgInterval { months: 0, days: 0, microseconds: 2 * 60 * 1_000_000 };
/// Complaints come within weeks, and repetitions of an order within the 14 days that SQS keeps a message.
const LEDGER_KEPT: PgInterval = PgInterval { months: 0, days: 90, microseconds: 0 };

/// Goes round `every` so often until `shutdown`, through any outage of the database.
pub async fn run(app: App, background: Background, every: Duration, shutdown: CancellationToken) {
    let mut poller = Poller::every(every, shutdown);
    while poller.next().await {
        poller.report(pass(&app, background).await.map(|()| false), "The ledger cannot be tidied up yet");
    }
}

async fn pass(app: &App, background: Background) -> sqlx::Result<()> {
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let abandoned = queue_store::abandon(&mut tx, ABANDONED_AFTER).await?;
    let given_up = queue_store::give_up(&mut tx).await?;
    queue_store::prune(&mut tx, LEDGER_KEPT).await?;
    let state = sending::get(&mut tx).await?;
    tx.commit().await?;
    if abandoned > 0 {
        tracing::warn!(abandoned, "Mails were being sent when a process died; events will settle them");
    }
    if given_up > 0 {
        tracing::error!(given_up, "Mails did not leave in time and are given up");
        metrics::counter!("mails_total", "outcome" => "given_up").increment(given_up.unsigned_abs());
    }
    tell(app, &state);
    Ok(())
}

/// What to alarm on: `mail_sending_stopped` is ours to mend, and the oldest waiting mail shows everything else.
fn tell(app: &App, state: &sending::Sending) {
    let age = state.oldest_waiting_at.map_or(0, |oldest| (app.ambient.now() - oldest).num_seconds().max(0));
    metrics::gauge!("mail_sending_stopped").set(if state.state == sending::State::Stopped { 1.0 } else { 0.0 });
    metrics::gauge!("mails_oldest_waiting_seconds").set(age as f64);
    for (status, count) in [("queued", state.waiting), ("held", state.held), ("unknown", state.unknown)] {
        metrics::gauge!("mails_unsettled", "status" => status).set(count as f64);
    }
}
