//! What is forgotten, and when? Links and sessions that can never work again, so that strangers cannot fill the database.

use crate::{
    api_keys::store as api_keys,
    clients::store as clients,
    invitations::store as invitations,
    mail_rate::{self, LONGEST_WINDOW},
    registrations::store as registrations,
    sessions::store as sessions,
};
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    db::{Background, Db},
    poller::Poller,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PAUSE: Duration = Duration::from_secs(600);
/// Rows a statement, so that none holds locks for long.
const BATCH: i64 = 500;
/// Somebody who registered and forgot is still told so when they try to log in.
const KEEP_LINKS: TimeDelta = TimeDelta::days(7);
/// A refresh token that is shown again after its session ended is still recognised.
const KEEP_SESSIONS: TimeDelta = TimeDelta::days(7);

/// A credential that ended is still there for who asks what it was.
const KEEP_CREDENTIALS: TimeDelta = TimeDelta::days(30);

/// Sweeps every ten minutes until `shutdown`.
pub async fn run(db: Db, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(PAUSE, shutdown);
    while poller.next().await {
        let pass = sweep(&db, background, db.ambient().now()).await;
        poller.report(pass.map(|()| false), "What has expired waits for the database to be swept");
    }
}

/// Deletes everything that expired long enough before `now`, a batch at a time.
pub async fn sweep(db: &Db, background: Background, now: DateTime<Utc>) -> sqlx::Result<()> {
    loop {
        let mut tx = background.begin_across_tenants(db).await?;
        let deleted = [
            registrations::sweep(&mut tx, now - KEEP_LINKS, BATCH).await?,
            invitations::sweep(&mut tx, now - KEEP_LINKS, BATCH).await?,
            mail_rate::store::sweep(&mut tx, now - LONGEST_WINDOW, BATCH).await?,
            sessions::sweep(&mut tx, now - KEEP_SESSIONS, BATCH).await?,
            clients::sweep_secrets(&mut tx, now - KEEP_CREDENTIALS, BATCH).await?,
            clients::sweep(&mut tx, now - KEEP_CREDENTIALS, BATCH).await?,
            api_keys::sweep(&mut tx, now - KEEP_CREDENTIALS, BATCH).await?,
        ];
        tx.commit().await?;
        if deleted.iter().all(|rows| *rows < BATCH.unsigned_abs()) {
            return Ok(());
        }
    }
}
