//! What is forgotten, and when? Links and sessions that can never work again, so that strangers cannot fill the database.

use crate::pace::LONGEST_WINDOW;
use chrono::{DateTime, TimeDelta, Utc};
use common::{ambient::Ambient, db, problem::Chain};
use sqlx::{PgConnection, PgPool};
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
pub async fn run(pool: PgPool, ambient: Ambient, shutdown: CancellationToken) {
    loop {
        if let Err(error) = sweep(&pool, ambient.now()).await {
            tracing::warn!(error = %Chain(&error), "what has expired could not be swept; it is tried again");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Deletes everything that expired long enough before `now`, a batch at a time.
pub async fn sweep(pool: &PgPool, now: DateTime<Utc>) -> sqlx::Result<()> {
    loop {
        let mut tx = db::begin_platform(pool).await?;
        let deleted = [
            registrations(&mut tx, now - KEEP_LINKS).await?,
            invitations(&mut tx, now - KEEP_LINKS).await?,
            link_mails(&mut tx, now - LONGEST_WINDOW).await?,
            sessions(&mut tx, now - KEEP_SESSIONS).await?,
            secrets(&mut tx, now - KEEP_CREDENTIALS).await?,
            clients(&mut tx, now - KEEP_CREDENTIALS).await?,
            api_keys(&mut tx, now - KEEP_CREDENTIALS).await?,
        ];
        tx.commit().await?;
        if deleted.iter().all(|rows| *rows < BATCH.unsigned_abs()) {
            return Ok(());
        }
    }
}

async fn registrations(conn: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let delete = sqlx::query!(
        "DELETE FROM registrations WHERE id IN (SELECT id FROM registrations WHERE expires_at < $1 AND NOT mail_waits LIMIT $2)",
        before,
        BATCH
    );
    Ok(delete.execute(conn).await?.rows_affected())
}

async fn invitations(conn: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let delete = sqlx::query!(
        "DELETE FROM invitations WHERE id IN (SELECT id FROM invitations WHERE expires_at < $1 AND NOT mail_waits LIMIT $2)",
        before,
        BATCH
    );
    Ok(delete.execute(conn).await?.rows_affected())
}

async fn link_mails(conn: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let delete = sqlx::query!(
        "DELETE FROM link_mails WHERE id IN (SELECT id FROM link_mails WHERE sent_at < $1 LIMIT $2)",
        before,
        BATCH
    );
    Ok(delete.execute(conn).await?.rows_affected())
}

/// Their refresh tokens go with them.
async fn sessions(conn: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let delete = sqlx::query!(
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2)",
        before,
        BATCH
    );
    Ok(delete.execute(conn).await?.rows_affected())
}

async fn secrets(conn: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let delete = sqlx::query!(
        "DELETE FROM client_secrets WHERE id IN (SELECT id FROM client_secrets WHERE revoked_at < $1 LIMIT $2)",
        before,
        BATCH
    );
    Ok(delete.execute(conn).await?.rows_affected())
}

async fn clients(conn: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let delete = sqlx::query!(
        "DELETE FROM clients WHERE id IN (SELECT id FROM clients WHERE deleted_at < $1 LIMIT $2)",
        before,
        BATCH
    );
    Ok(delete.execute(conn).await?.rows_affected())
}

async fn api_keys(conn: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let delete = sqlx::query!(
        "DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys WHERE least(expires_at, revoked_at) < $1 LIMIT $2)",
        before,
        BATCH
    );
    Ok(delete.execute(conn).await?.rows_affected())
}
