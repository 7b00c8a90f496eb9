//! The sender: a queued mail leaves once. It is claimed in the ledger, handed to SES outside any transaction, then
//! settled.

use crate::{
    app::App,
    mails::{
        content::{self, Unreadable},
        model::Status,
        queue_store::{self, Claimed, WORK},
    },
    sending::store::{self as sending, Permit},
    ses::{Accepted, Refusal, answers::Verdict},
};
use common::{
    backoff::Backoff,
    db::{Background, CrossTenantTx},
    poller::Poller,
    problem::Chain,
    trace::{self, TraceContext},
};
use futures_util::future::join_all;
use sqlx::postgres::types::PgInterval;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Looked at least this often: what other processes commit wakes nobody here.
const POLL: Duration = Duration::from_secs(1);
/// Calls of one process at the same time: one that times out must not hold up the others, and SES's rates are low.
const AT_ONCE: usize = 4;
/// Of a mail that alone meets passing errors.
const PAUSES: Backoff = Backoff { base: Duration::from_secs(1), factor: 2, cap: Duration::from_secs(300) };
/// Of all mail, after SES was away or throttled: one call in 15 s finds out soon enough that the fault is mended, and
/// costs nothing.
const STOPS: Backoff = Backoff { cap: Duration::from_secs(15), ..PAUSES };
/// Within it a probe has its answer, or its process has died.
const PROBE_LEASE_SECONDS: i64 = 15;
/// A mail that waits for something of its own is tried again after this.
const HELD_SECONDS: i64 = 3600;
/// An answer of SES is written down for as long as its claim surely lasts (`housekeeping::ABANDONED_AFTER`).
const SETTLE_WITHIN: Duration = Duration::from_secs(60);

/// Sends until `shutdown`; an outage of the database or of SES only delays.
pub async fn run(app: App, background: Background, shutdown: CancellationToken) {
    join_all((0..AT_ONCE).map(|_| lane(&app, background, shutdown.clone()))).await;
}

/// One mail after the other.
async fn lane(app: &App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::new(app.db.wake(WORK), POLL, shutdown);
    while poller.next().await {
        poller.report(next(app, background).await, "Mails wait for the database");
    }
}

/// Sends one mail, if one is due and may leave.
async fn next(app: &App, background: Background) -> sqlx::Result<bool> {
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let permit = sending::permit(&mut tx, seconds(PROBE_LEASE_SECONDS)).await?;
    if permit == Permit::Stopped {
        return Ok(false);
    }
    let claimed = queue_store::claim(&mut tx, app.ambient.uuid(), permit.is_probe()).await?;
    let Some(claimed) = claimed else { return Ok(false) };
    tx.commit().await?;
    // The next mail does not wait for this one's answer.
    app.db.wake(WORK).wake();
    let trace = TraceContext::after(claimed.traceparent.as_deref(), &app.ambient);
    let span = tracing::info_span!("mail", mail_id = %claimed.id, trace_id = trace.trace_id());
    let sending = async {
        let answer = ask(app, &claimed).await;
        settle_surely(app, background, &claimed, permit, &answer).await
    };
    trace::within(trace, sending).instrument(span).await?;
    Ok(true)
}

/// What SES says; `None` if it was not asked, because the address is out of circulation.
async fn ask(app: &App, claimed: &Claimed) -> Option<Result<Accepted, Refusal>> {
    if claimed.suppressed_by.is_some() {
        return None;
    }
    let mail = match content::open(&app.sealer, claimed) {
        Ok(mail) => mail,
        Err(error @ Unreadable::Gone) => {
            return Some(Err(Refusal::new(Verdict::Final, "content_gone", error.to_string())));
        }
        // Under a wrong key no mail opens; were it this row alone, the others go on after the next probe.
        Err(error @ Unreadable::Unopened) => {
            return Some(Err(Refusal::new(Verdict::Ours, "not_opened", error.to_string())));
        }
        Err(error @ Unreadable::Unknown(_)) => {
            return Some(Err(Refusal::new(Verdict::Held, "not_rendered", error.to_string())));
        }
    };
    Some(match app.templates.render(&mail) {
        Ok(mail) => app.ses.send(claimed.id, &claimed.recipient, &mail).await,
        // It could be rendered when it was taken: this process knows other templates, an older or a newer one may do
        // better.
        Err(error) => Err(Refusal::new(Verdict::Held, "not_rendered", error.to_string())),
    })
}

/// Writes down what SES said, also if the database is away just now: otherwise nobody would know whether the mail left.
async fn settle_surely(
    app: &App,
    background: Background,
    claimed: &Claimed,
    permit: Permit,
    answer: &Option<Result<Accepted, Refusal>>,
) -> sqlx::Result<()> {
    let started = Instant::now();
    loop {
        match settle(app, background, claimed, permit, answer).await {
            Err(error) if started.elapsed() < SETTLE_WITHIN => {
                tracing::warn!(error = %Chain(&error), "What became of a mail cannot be \
                    written down yet");
                sleep(POLL).await;
            }
            settled => return settled,
        }
    }
}

async fn settle(
    app: &App,
    background: Background,
    claimed: &Claimed,
    permit: Permit,
    answer: &Option<Result<Accepted, Refusal>>,
) -> sqlx::Result<()> {
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let label = match answer {
        None => {
            let cause = claimed.suppressed_by.map(|reason| reason.to_string()).unwrap_or_default();
            let why = format!("the address is out of circulation after a {cause}");
            queue_store::release(&mut tx, claimed, Status::Suppressed, seconds(0), &why).await?;
            "suppressed"
        }
        Some(Ok(ses_message_id)) => {
            queue_store::accepted(&mut tx, claimed, ses_message_id.as_deref()).await?;
            "sent"
        }
        Some(Err(refusal)) => {
            let (status, wait, label) = after(refusal.verdict, claimed.attempts, permit);
            queue_store::release(&mut tx, claimed, status, seconds(wait), &refusal.reason).await?;
            label
        }
    };
    turn(&mut tx, permit, answer).await?;
    tx.commit().await?;
    metrics::counter!("mails_total", "outcome" => label).increment(1);
    let code = answer.as_ref().and_then(|answer| answer.as_ref().err()).map(|refusal| refusal.code.as_str());
    tracing::info!(outcome = label, code, "A mail was handled");
    Ok(())
}

/// What becomes of a mail that SES has not taken: its state, how long it waits, and a label.
fn after(verdict: Verdict, attempts: i32, permit: Permit) -> (Status, i64, &'static str) {
    match verdict {
        // A probe says something about SES, and nothing about the mail: it goes behind the others.
        Verdict::Passing | Verdict::Ours if permit.is_probe() => (Status::Queued, 0, "postponed"),
        Verdict::Passing | Verdict::Ours => (Status::Queued, pause(PAUSES, attempts), "postponed"),
        Verdict::Held => (Status::Held, HELD_SECONDS, "held"),
        Verdict::Final => (Status::Failed, 0, "failed"),
        Verdict::Unknown => (Status::Unknown, 0, "unknown"),
    }
}

/// Stops all mail, or lets it leave again, after an answer that says something about all mail.
async fn turn(tx: &mut CrossTenantTx, permit: Permit, answer: &Option<Result<Accepted, Refusal>>) -> sqlx::Result<()> {
    let failures = if let Permit::Probe { failures } = permit { failures } else { 0 };
    match answer {
        Some(Err(refusal)) if matches!(refusal.verdict, Verdict::Passing | Verdict::Ours | Verdict::Unknown) => {
            let ours = refusal.verdict == Verdict::Ours;
            let wait = pause(STOPS, failures.saturating_add(1));
            let first = sending::stop(tx, permit, ours, refusal, seconds(wait)).await?;
            if ours && first {
                tracing::error!(code = refusal.code, "No mail leaves until this is mended");
            } else {
                tracing::warn!(code = refusal.code, wait_s = wait, "All mail waits");
            }
        }
        Some(_) if permit.is_probe() => {
            sending::resume(tx).await?;
            tracing::info!("Mail leaves again");
        }
        _ => {}
    }
    Ok(())
}

fn pause(pauses: Backoff, attempts: i32) -> i64 {
    pauses.ceiling(attempts.unsigned_abs()).as_secs().cast_signed()
}

fn seconds(count: i64) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: count * 1_000_000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_refusal_but_a_final_one_ends_a_mail() {
        let probe = Permit::Probe { failures: 3 };
        assert_eq!(after(Verdict::Ours, 9, probe), (Status::Queued, 0, "postponed"));
        assert_eq!(after(Verdict::Passing, 2, Permit::Free), (Status::Queued, 2, "postponed"));
        assert_eq!(after(Verdict::Final, 1, Permit::Free).0, Status::Failed);
        assert_eq!(after(Verdict::Held, 1, probe).0, Status::Held);
    }
}
