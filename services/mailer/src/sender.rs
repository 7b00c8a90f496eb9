//! How does a queued mail leave, once? Claimed in the ledger, handed to SES outside any transaction, then settled.

use crate::{
    app::App,
    mails::{
        content::{self, Unreadable},
        model::Status,
        queue::{self, Claimed},
    },
    sending::store::{self as sending, Permit},
    ses::{Accepted, Refusal, answers::Verdict},
};
use common::{db, problem::Chain};
use futures_util::future::join_all;
use sqlx::postgres::{PgListener, types::PgInterval};
use std::time::{Duration, Instant};
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;

/// Looked at least this often, also when no notification comes.
const POLL: Duration = Duration::from_secs(1);
/// Calls of one process at the same time: one that times out must not hold up the others, and SES's rates are low.
const AT_ONCE: usize = 4;
/// First pause after SES was away or throttled; doubles up to the longest.
const FIRST_PAUSE_SECONDS: i64 = 1;
/// Of a mail that alone meets passing errors.
const LONGEST_PAUSE_SECONDS: i64 = 300;
/// Of all mail: one call in this time finds out soon enough that the fault is mended, and costs nothing.
const LONGEST_STOP_SECONDS: i64 = 15;
/// Within it a probe has its answer, or its process has died.
const PROBE_LEASE_SECONDS: i64 = 15;
/// A mail that waits for something of its own is tried again after this.
const HELD_SECONDS: i64 = 3600;
/// An answer of SES is written down for as long as its claim surely lasts (`housekeeping::ABANDONED_AFTER`).
const SETTLE_WITHIN: Duration = Duration::from_secs(60);

/// Sends until `shutdown`; an outage of the database or of SES only delays.
pub async fn run(app: App, shutdown: CancellationToken) {
    let queued = Notify::new();
    let lanes = join_all((0..AT_ONCE).map(|_| lane(&app, &queued, &shutdown)));
    tokio::join!(lanes, listen(&app, &queued, &shutdown));
}

/// One mail after the other.
async fn lane(app: &App, queued: &Notify, shutdown: &CancellationToken) {
    while !shutdown.is_cancelled() {
        let mut woken = std::pin::pin!(queued.notified());
        woken.as_mut().enable();
        match next(app).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(error = %Chain(&error), "mails wait for the database"),
        }
        tokio::select! { () = shutdown.cancelled() => {}, () = woken => {}, () = sleep(POLL) => {} }
    }
}

/// Wakes the lanes when a mail is queued.
async fn listen(app: &App, queued: &Notify, shutdown: &CancellationToken) {
    let listening = async {
        loop {
            let listened = async {
                let mut listener = PgListener::connect_with(&app.pool).await?;
                listener.listen(queue::CHANNEL).await?;
                loop {
                    listener.recv().await?;
                    queued.notify_waiters();
                }
            };
            let ended: sqlx::Result<()> = listened.await;
            tracing::debug!(
                error = ended.err().map(|error| Chain(&error).to_string()),
                "no notifications; the queue is looked at from time to time"
            );
            sleep(POLL).await;
        }
    };
    tokio::select! { () = shutdown.cancelled() => {}, () = listening => {} }
}

/// Sends one mail, if one is due and may leave.
async fn next(app: &App) -> sqlx::Result<bool> {
    let mut tx = db::begin_platform(&app.pool).await?;
    let permit = sending::permit(&mut tx, seconds(PROBE_LEASE_SECONDS)).await?;
    if permit == Permit::Stopped {
        return Ok(false);
    }
    let Some(claimed) = queue::claim(&mut tx, app.ambient.uuid(), permit.is_probe()).await? else { return Ok(false) };
    tx.commit().await?;
    let answer = ask(app, &claimed).await;
    settle_surely(app, &claimed, permit, &answer).await?;
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
        // It could be rendered when it was taken: this process knows other templates, an older or a newer one may do better.
        Err(error) => Err(Refusal::new(Verdict::Held, "not_rendered", error.to_string())),
    })
}

/// Writes down what SES said, also if the database is away just now: otherwise nobody would know whether the mail left.
async fn settle_surely(
    app: &App,
    claimed: &Claimed,
    permit: Permit,
    answer: &Option<Result<Accepted, Refusal>>,
) -> sqlx::Result<()> {
    let started = Instant::now();
    loop {
        match settle(app, claimed, permit, answer).await {
            Err(error) if started.elapsed() < SETTLE_WITHIN => {
                tracing::warn!(error = %Chain(&error), message_id = %claimed.id, "what became of a mail cannot be written down yet");
                sleep(POLL).await;
            }
            settled => return settled,
        }
    }
}

async fn settle(
    app: &App,
    claimed: &Claimed,
    permit: Permit,
    answer: &Option<Result<Accepted, Refusal>>,
) -> sqlx::Result<()> {
    let mut tx = db::begin_platform(&app.pool).await?;
    let label = match answer {
        None => {
            let why = format!(
                "the address is out of circulation after a {}",
                claimed.suppressed_by.as_deref().unwrap_or_default()
            );
            queue::release(&mut tx, claimed, Status::Suppressed, seconds(0), &why).await?;
            "suppressed"
        }
        Some(Ok(ses_message_id)) => {
            queue::accepted(&mut tx, claimed, ses_message_id.as_deref()).await?;
            "sent"
        }
        Some(Err(refusal)) => {
            let (status, wait, label) = after(refusal.verdict, claimed.attempts, permit);
            queue::release(&mut tx, claimed, status, seconds(wait), &refusal.reason).await?;
            label
        }
    };
    turn(&mut tx, permit, answer).await?;
    tx.commit().await?;
    metrics::counter!("mails_total", "outcome" => label).increment(1);
    let code = answer.as_ref().and_then(|answer| answer.as_ref().err()).map(|refusal| refusal.code.as_str());
    tracing::info!(message_id = %claimed.id, outcome = label, code, "mail handled");
    Ok(())
}

/// What becomes of a mail that SES has not taken: its state, how long it waits, and a label.
fn after(verdict: Verdict, attempts: i32, permit: Permit) -> (Status, i64, &'static str) {
    match verdict {
        // A probe says something about SES, and nothing about the mail: it goes behind the others.
        Verdict::Passing | Verdict::Ours if permit.is_probe() => (Status::Queued, 0, "postponed"),
        Verdict::Passing | Verdict::Ours => (Status::Queued, pause(attempts, LONGEST_PAUSE_SECONDS), "postponed"),
        Verdict::Held => (Status::Held, HELD_SECONDS, "held"),
        Verdict::Final => (Status::Failed, 0, "failed"),
        Verdict::Unknown => (Status::Unknown, 0, "unknown"),
    }
}

/// Stops all mail, or lets it leave again, after an answer that says something about all mail.
async fn turn(
    conn: &mut sqlx::PgConnection,
    permit: Permit,
    answer: &Option<Result<Accepted, Refusal>>,
) -> sqlx::Result<()> {
    let failures = if let Permit::Probe { failures } = permit { failures } else { 0 };
    match answer {
        Some(Err(refusal)) if matches!(refusal.verdict, Verdict::Passing | Verdict::Ours | Verdict::Unknown) => {
            let ours = refusal.verdict == Verdict::Ours;
            let wait = pause(failures.saturating_add(1), LONGEST_STOP_SECONDS);
            let first = sending::stop(conn, permit, ours, refusal, seconds(wait)).await?;
            if ours && first {
                tracing::error!(code = refusal.code, "no mail leaves until this is mended");
            } else {
                tracing::warn!(code = refusal.code, wait_s = wait, "all mail waits");
            }
        }
        Some(_) if permit.is_probe() => {
            sending::resume(conn).await?;
            tracing::info!("mail leaves again");
        }
        _ => {}
    }
    Ok(())
}

fn pause(attempts: i32, longest: i64) -> i64 {
    let doubled = FIRST_PAUSE_SECONDS << attempts.clamp(1, 10).saturating_sub(1);
    doubled.min(longest)
}

fn seconds(count: i64) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: count * 1_000_000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let waits: Vec<_> = [1, 2, 3, 9, 100].map(|attempts| pause(attempts, 300)).to_vec();
        assert_eq!(waits, [1, 2, 4, 256, 300]);
    }

    #[test]
    fn no_refusal_but_a_final_one_ends_a_mail() {
        let probe = Permit::Probe { failures: 3 };
        assert_eq!(after(Verdict::Ours, 9, probe), (Status::Queued, 0, "postponed"));
        assert_eq!(after(Verdict::Passing, 2, Permit::Free), (Status::Queued, 2, "postponed"));
        assert_eq!(after(Verdict::Final, 1, Permit::Free).0, Status::Failed);
        assert_eq!(after(Verdict::Held, 1, probe).0, Status::Held);
    }
}
