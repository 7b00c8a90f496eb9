//! The end of all sessions of a person, in whichever tenant they act.
//!
//! The end is noted in the transaction that ends them; then Redis is told of each; then the note is deleted. Telling may
//! be repeated, and [`run`] does so until no note is left.

pub use super::ending_store::Ending;
use super::{
    ending_store as store, entries,
    model::{EndReason, told_since},
};
use crate::app::App;
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    db::{Background, CrossTenantTx},
    poller::Poller,
    problem::{Problem, RETRY_AFTER_OUTAGE},
};
use contracts::id::{Principal, SessionId, TenantId, UserId};
use std::{collections::BTreeMap, time::Duration};
use tokio_util::sync::CancellationToken;

/// An ending that is older is taken to be interrupted.
const INTERRUPTED_AFTER: TimeDelta = TimeDelta::seconds(30);
const PAUSE: Duration = Duration::from_secs(5);
/// Sessions in one command of Redis, which serves nobody else meanwhile.
const TOLD_AT_ONCE: usize = 500;
/// Endings taken up at once.
const BATCH: i64 = 50;

/// A transaction over the rows of one person, who may be in several tenants.
#[expect(clippy::disallowed_methods, reason = "a person's password and sessions are theirs, in whichever tenant")]
pub async fn begin(app: &App) -> sqlx::Result<CrossTenantTx> {
    app.db.begin_across_tenants().await
}

/// Ends the sessions of the user but for `kept`; call [`tell`] after the commit.
pub async fn end_all(
    tx: &mut CrossTenantTx,
    app: &App,
    user: UserId,
    kept: Option<SessionId>,
    reason: EndReason,
) -> sqlx::Result<Ending> {
    let ending = Ending { id: app.ambient.uuid(), user_id: user, ended_at: app.ambient.now() };
    for (tenant, many) in store::end(tx, &ending, kept, reason).await? {
        audit::note_for(tx, tenant, entries::ended_many(user, many, kept, reason).by(Principal::User(user)));
    }
    store::note(tx, &ending).await?;
    Ok(ending)
}

/// Answers only when no token of what has ended is taken any more.
pub async fn tell(app: &App, ending: &Ending) -> Result<(), Problem> {
    close(app, ending).await.map_err(|problem| {
        tracing::warn!(error = %problem, "Sessions have ended, and Redis does not know it yet");
        let detail = "It is done, but tokens of the sessions that ended may still be taken for a moment; that goes on \
                      by itself.";
        Problem { code: "sessions_unconfirmed".into(), ..Problem::unavailable(RETRY_AFTER_OUTAGE, detail) }
    })
}

/// With what ended before and was perhaps never told: whoever repeats a request relies on its answer.
async fn close(app: &App, ending: &Ending) -> Result<(), Problem> {
    let since = told_since(app.access_token, ending.ended_at);
    let ended = store::ended(&mut begin(app).await?, ending.user_id, since).await?;
    close_all(app, ended).await?;
    let mut tx = begin(app).await?;
    store::forget(&mut tx, ending.id).await?;
    Ok(tx.commit().await?)
}

/// Tells Redis of sessions that have ended.
pub async fn close_all(app: &App, ended: Vec<(TenantId, SessionId)>) -> Result<(), Problem> {
    let mut of_tenants = BTreeMap::<_, Vec<_>>::new();
    for (tenant, session) in ended {
        of_tenants.entry(tenant).or_default().push(session);
    }
    for (tenant, sessions) in of_tenants {
        for sessions in sessions.chunks(TOLD_AT_ONCE) {
            app.live_sessions.close_all(tenant, sessions).await?;
        }
    }
    Ok(())
}

/// Tells what was interrupted, until `shutdown`.
pub async fn run(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(PAUSE, shutdown);
    while poller.next().await {
        let pass = tell_interrupted(&app, background, app.ambient.now()).await;
        poller.report(pass.map(|()| false), "Sessions that ended wait for the database to be told to Redis");
    }
}

/// One try for each ending that was interrupted before `now`. Tokens that are older than any can be are over by
/// themselves.
pub async fn tell_interrupted(app: &App, background: Background, now: DateTime<Utc>) -> sqlx::Result<()> {
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let interrupted = store::older_than(&mut tx, now - INTERRUPTED_AFTER, BATCH).await?;
    drop(tx);
    for ending in interrupted {
        match tell(app, &ending).await {
            Ok(()) => tracing::info!(user = %ending.user_id, "Redis knows of sessions that ended"),
            Err(_) if ending.ended_at < told_since(app.access_token, now) => {
                let mut tx = background.begin_across_tenants(&app.db).await?;
                store::forget(&mut tx, ending.id).await?;
                tx.commit().await?;
            }
            Err(problem) => tracing::warn!(error = %problem, "Redis does not know of sessions that ended yet"),
        }
    }
    Ok(())
}
