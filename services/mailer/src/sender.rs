//! How does a queued mail leave, once? Claimed in the ledger, handed to SES outside any transaction, then settled.

use crate::{
    app::App,
    messages::{
        model::Status,
        store::{self, Claimed},
    },
    ses::Outcome,
};
use chrono::TimeDelta;
use common::{db, problem::Chain};
use sqlx::postgres::PgListener;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Looked at least this often, also when no notification comes.
const POLL: Duration = Duration::from_secs(1);
/// A mail that has been "sending" for longer was left by a process that died.
const ABANDONED_AFTER: TimeDelta = TimeDelta::minutes(2);
/// First pause after SES was away or throttled; doubles up to the longest.
const FIRST_PAUSE_SECONDS: i64 = 1;
const LONGEST_PAUSE_SECONDS: i64 = 300;

/// Sends until `shutdown`; an outage of the database or of SES only delays.
pub async fn run(app: App, shutdown: CancellationToken) {
    let mut listener = None;
    while !shutdown.is_cancelled() {
        if let Err(error) = drain(&app, &shutdown).await {
            tracing::warn!(error = %Chain(&error), "mails wait for the database");
            listener = None;
        }
        if listener.is_none() {
            listener = listen(&app).await.ok();
        }
        let woken = async {
            match listener.as_mut() {
                Some(listener) => drop(listener.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! { () = shutdown.cancelled() => {}, () = woken => {}, () = tokio::time::sleep(POLL) => {} }
    }
}

async fn listen(app: &App) -> sqlx::Result<PgListener> {
    let mut listener = PgListener::connect_with(&app.pool).await?;
    listener.listen("mail_queued").await?;
    Ok(listener)
}

async fn drain(app: &App, shutdown: &CancellationToken) -> sqlx::Result<()> {
    let now = app.ambient.now();
    let mut tx = db::begin_platform(&app.pool).await?;
    let abandoned = store::abandon(&mut tx, now - ABANDONED_AFTER, now).await?;
    tx.commit().await?;
    if abandoned > 0 {
        tracing::warn!(abandoned, "mails were being sent when a process died; events will settle them");
    }
    while !shutdown.is_cancelled() {
        let mut tx = db::begin_platform(&app.pool).await?;
        let Some(claimed) = store::claim(&mut tx, app.ambient.now()).await? else { break };
        tx.commit().await?;
        send(app, claimed).await?;
    }
    Ok(())
}

async fn send(app: &App, claimed: Claimed) -> sqlx::Result<()> {
    let outcome = match (&claimed.suppressed_by, &claimed.variables) {
        (Some(reason), _) => {
            let why = format!("the address is out of circulation after a {reason}");
            metrics::counter!("mails_total", "outcome" => "suppressed").increment(1);
            let mut tx = db::begin_platform(&app.pool).await?;
            store::settle(&mut tx, claimed.id, Status::Suppressed, Some(&why), app.ambient.now()).await?;
            return tx.commit().await;
        }
        (None, Some(serde_json::Value::Object(variables))) => match app.templates.render(&claimed.template, variables) {
            Ok(mail) => app.ses.send(claimed.id, &claimed.recipient, &mail).await,
            Err(error) => Outcome::Refused(error.to_string()),
        },
        (None, _) => Outcome::Refused("its variables are gone".into()),
    };
    settle(app, &claimed, outcome).await
}

async fn settle(app: &App, claimed: &Claimed, outcome: Outcome) -> sqlx::Result<()> {
    let now = app.ambient.now();
    let mut tx = db::begin_platform(&app.pool).await?;
    let (label, settled) = match outcome {
        Outcome::Accepted(ses_message_id) => ("sent", store::sent(&mut tx, claimed.id, &ses_message_id, now).await),
        Outcome::Later(reason) => ("postponed", store::postpone(&mut tx, claimed.id, now + pause(claimed.attempts), &reason, now).await),
        Outcome::Refused(reason) => ("failed", store::settle(&mut tx, claimed.id, Status::Failed, Some(&reason), now).await),
        Outcome::Unknown(reason) => ("unknown", store::settle(&mut tx, claimed.id, Status::Unknown, Some(&reason), now).await),
    };
    metrics::counter!("mails_total", "outcome" => label).increment(1);
    tracing::info!(message_id = %claimed.id, outcome = label, "mail handled");
    settled?;
    tx.commit().await
}

fn pause(attempts: i32) -> TimeDelta {
    let doubled = FIRST_PAUSE_SECONDS << attempts.clamp(1, 10).saturating_sub(1);
    TimeDelta::seconds(doubled.min(LONGEST_PAUSE_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let seconds: Vec<_> = [1, 2, 3, 9, 100].map(|attempts| pause(attempts).num_seconds()).to_vec();
        assert_eq!(seconds, [1, 2, 4, 256, 300]);
    }
}
