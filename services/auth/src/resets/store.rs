//! SQL of resets. They belong to no tenant, so any transaction will do.

use super::model::{Asked, LINK_LIFETIME};
use crate::opaque::OpaqueToken;
use chrono::{DateTime, Utc};
use contracts::public_url::PublicUrl;
use sqlx::PgConnection;
use uuid::Uuid;

/// One that somebody has asked for and nobody has looked at.
pub struct Waiting {
    pub id: Uuid,
    pub email: String,
    /// It came too late, or the password was changed meanwhile.
    pub is_over: bool,
}

/// One whose link works.
pub struct Open {
    pub id: Uuid,
    pub email: String,
    pub return_to: Option<String>,
}

pub async fn insert(conn: &mut PgConnection, id: Uuid, asked: &Asked, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO password_resets (id, email, return_to, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
        id,
        asked.email.as_str(),
        asked.return_to.as_ref().map(PublicUrl::as_str),
        now,
        now + LINK_LIFETIME
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The next, locked; other processes take others.
pub async fn next_waiting(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Option<Waiting>> {
    sqlx::query_as!(
        Waiting,
        "SELECT id, email, (used_at IS NOT NULL OR expires_at <= $1) AS \"is_over!\" FROM password_resets
         WHERE token_hash IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
        now
    )
    .fetch_optional(conn)
    .await
}

/// Its link works from `now` on.
pub async fn mailed(conn: &mut PgConnection, id: Uuid, token: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE password_resets SET token_hash = $2, expires_at = $3 WHERE id = $1",
        id,
        &token.hash(),
        now + LINK_LIFETIME
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether the address has a link that works.
pub async fn has_link(conn: &mut PgConnection, email: &str, now: DateTime<Utc>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM password_resets WHERE email = $1 AND used_at IS NULL
           AND token_hash IS NOT NULL AND expires_at > $2) AS "has!""#,
        email,
        now
    )
    .fetch_one(conn)
    .await
}

pub async fn delete(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM password_resets WHERE id = $1", id).execute(conn).await?;
    Ok(())
}

pub async fn find_open(conn: &mut PgConnection, token: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<Option<Open>> {
    sqlx::query_as!(
        Open,
        "SELECT id, email, return_to FROM password_resets
         WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
        &token.hash(),
        now
    )
    .fetch_optional(conn)
    .await
}

/// `false` if somebody was faster.
pub async fn use_up(conn: &mut PgConnection, open: &Open, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let used = sqlx::query!("UPDATE password_resets SET used_at = $2 WHERE id = $1 AND used_at IS NULL", open.id, now);
    Ok(used.execute(conn).await?.rows_affected() == 1)
}
