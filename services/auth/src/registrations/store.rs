//! SQL of unconfirmed registrations. They belong to no tenant, so any transaction will do.

use super::model::{LINK_LIFETIME, MOST_ATTEMPTS, MOST_OPEN, Registration};
use crate::{email::Email, mail_rate, opaque::OpaqueToken};
use chrono::{DateTime, Utc};
use common::source::Source;
use contracts::public_url::PublicUrl;
use sqlx::PgConnection;
use uuid::Uuid;

/// A registration that can still be confirmed, as whoever has its link sees it.
pub struct Open {
    pub id: Uuid,
    pub email: String,
    pub display_name: String,
    pub tenant_name: String,
    pub password_hash: String,
    pub return_to: Option<String>,
}

/// A registration whose mail is still to go.
pub struct Waiting {
    pub id: Uuid,
    pub display_name: String,
    pub tenant_name: String,
}

/// A registration to be written.
pub struct New<'a> {
    pub id: Uuid,
    pub asked: &'a Registration,
    pub password_hash: &'a str,
    pub token: &'a OpaqueToken,
    pub source: Source,
    pub mail_waits: bool,
    pub now: DateTime<Utc>,
}

/// Writes it, in the place of another if the address has too many. The address must be locked.
pub async fn insert(conn: &mut PgConnection, new: &New<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO registrations (id, email, display_name, tenant_name, password_hash, token_hash, source,
         mail_waits, created_at, expires_at, return_to)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        new.id,
        new.asked.email.as_str(),
        new.asked.display_name.as_str(),
        new.asked.tenant_name.as_str(),
        new.password_hash,
        &new.token.hash(),
        new.source.to_string(),
        new.mail_waits,
        new.now,
        new.now + LINK_LIFETIME,
        new.asked.return_to.as_ref().map(PublicUrl::as_str)
    )
    .execute(&mut *conn)
    .await?;
    displace(conn, &new.asked.email, new.now).await
}

/// Each network keeps its newest, then its second newest, and so on, until there are as many as there may be.
async fn displace(conn: &mut PgConnection, email: &Email, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM registrations WHERE id IN (
           SELECT id FROM (
             SELECT id, row_number() OVER (PARTITION BY source ORDER BY id DESC) AS nth FROM registrations
             WHERE email = $1 AND used_at IS NULL AND (mail_waits OR expires_at > $2)) AS open
           ORDER BY nth, id DESC OFFSET $3)",
        email.as_str(),
        now,
        MOST_OPEN
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn find_open(conn: &mut PgConnection, token: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<Option<Open>> {
    sqlx::query_as!(
        Open,
        "SELECT id, email, display_name, tenant_name, password_hash, return_to FROM registrations
         WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 AND attempts < $3",
        &token.hash(),
        now,
        MOST_ATTEMPTS
    )
    .fetch_optional(conn)
    .await
}

/// Counts an attempt before it is made, so that many at once are no more than one after the other.
pub async fn attempt(conn: &mut PgConnection, token: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<Option<Open>> {
    sqlx::query_as!(
        Open,
        "UPDATE registrations SET attempts = attempts + 1 WHERE token_hash = $1 AND used_at IS NULL
         AND expires_at > $2 AND attempts < $3
         RETURNING id, email, display_name, tenant_name, password_hash, return_to",
        &token.hash(),
        now,
        MOST_ATTEMPTS
    )
    .fetch_optional(conn)
    .await
}

/// Of an attempt that came to no answer.
pub async fn give_back(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("UPDATE registrations SET attempts = attempts - 1 WHERE id = $1", id).execute(conn).await?;
    Ok(())
}

/// Uses the link up, and what else was asked for with the address; of two callers at once only one gets `true`.
pub async fn consume(conn: &mut PgConnection, open: &Open, now: DateTime<Utc>) -> sqlx::Result<bool> {
    mail_rate::store::lock(conn, &open.email).await?;
    let used = sqlx::query!(
        "UPDATE registrations SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND expires_at > $2",
        open.id,
        now
    );
    if used.execute(&mut *conn).await?.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("DELETE FROM registrations WHERE email = $1 AND used_at IS NULL", open.email).execute(conn).await?;
    Ok(true)
}

/// `false` if the link leads to nothing that is open.
pub async fn reject(conn: &mut PgConnection, token: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let deleted = sqlx::query!(
        "DELETE FROM registrations WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
        &token.hash(),
        now
    );
    Ok(deleted.execute(conn).await?.rows_affected() > 0)
}

/// Addresses with registrations whose mail is still to go, and that got none since `paused`.
pub async fn waiting_addresses(conn: &mut PgConnection, paused: DateTime<Utc>, most: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT email FROM registrations r WHERE mail_waits AND used_at IS NULL
         AND NOT EXISTS (SELECT FROM link_mails l WHERE l.email = r.email AND l.kind = 'verification'
         AND l.sent_at > $1)
         GROUP BY email ORDER BY min(created_at) LIMIT $2",
        paused,
        most
    )
    .fetch_all(conn)
    .await
}

/// The newest first. The address must be locked.
pub async fn waiting(conn: &mut PgConnection, email: &str) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as!(
        Waiting,
        "SELECT id, display_name, tenant_name FROM registrations WHERE email = $1 AND mail_waits
         AND used_at IS NULL ORDER BY id DESC",
        email
    )
    .fetch_all(conn)
    .await
}

/// Its link is `token` from now on, and works as long as if it had been asked for now.
pub async fn mailed(conn: &mut PgConnection, id: Uuid, token: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE registrations SET mail_waits = false, token_hash = $2, expires_at = $3 WHERE id = $1",
        id,
        &token.hash(),
        now + LINK_LIFETIME
    )
    .execute(conn)
    .await?;
    Ok(())
}
