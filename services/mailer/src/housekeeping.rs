//! What comes to an end by itself? Claims of processes that died, mails whose time is over, and the memory of old ones.

use crate::{app::App, mails::queue, sending::store as sending};
use common::{db, problem::Chain};
use sqlx::postgres::types::PgInterval;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Deadlines are days or minutes; nobody waits for this.
pub const EVERY: Duration = Duration::from_secs(5);
/// A call to SES takes seconds, and writing down its answer up to a minute: what is "sending" for longer was left by a process that died.
const ABANDONED_AFTER: PgInterval = PgInterval { months: 0, days: 0, microseconds: 2 * 60 * 1_000_000 };
/// Complaints come within weeks, and repetitions of an order within the 14 days that SQS keeps a message.
const LEDGER_KEPT: PgInterval = PgInterval { months: 0, days: 90, microseconds: 0 };

/// Goes round `every` so often until `shutdown`, through any outage of the database.
pub async fn run(app: App, every: Duration, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(error) = pass(&app).await {
            tracing::warn!(error = %Chain(&error), "the ledger cannot be tidied up yet");
        }
        tokio::select! { () = shutdown.cancelled() => {}, () = tokio::time::sleep(every) => {} }
    }
}

async fn pass(app: &App) -> sqlx::Result<()> {
    let mut tx = db::begin_platform(&app.pool).await?;
    let abandoned = queue::abandon(&mut tx, ABANDONED_AFTER).await?;
    let given_up = queue::give_up(&mut tx).await?;
    queue::prune(&mut tx, LEDGER_KEPT).await?;
    let state = sending::get(&mut tx).await?;
    tx.commit().await?;
    if abandoned > 0 {
        tracing::warn!(abandoned, "mails were being sent when a process died; events will settle them");
    }
    if given_up > 0 {
        tracing::error!(given_up, "mails did not leave in time and are given up");
        metrics::counter!("mails_total", "outcome" => "given_up").increment(given_up.unsigned_abs());
    }
    tell(app, &state);
    Ok(())
}

/// What to alarm on: `mail_sending_stopped` is ours to mend, and the oldest waiting mail shows everything else.
fn tell(app: &App, state: &sending::Sending) {
    let age = state.oldest_waiting_at.map_or(0, |oldest| (app.ambient.now() - oldest).num_seconds().max(0));
    metrics::gauge!("mail_sending_stopped").set(if state.state == "stopped" { 1.0 } else { 0.0 });
    metrics::gauge!("mails_oldest_waiting_seconds").set(age as f64);
    for (status, count) in [("queued", state.waiting), ("held", state.held), ("unknown", state.unknown)] {
        metrics::gauge!("mails_unsettled", "status" => status).set(count as f64);
    }
}
