//! SQL of sign-ins.

use crate::{accounts::store::User, opaque::OpaqueToken};
use chrono::{DateTime, Utc};
use contracts::id::UserId;
use sqlx::PgConnection;
use uuid::Uuid;

/// Somebody who is signed in in a browser.
pub struct SignIn {
    pub id: Uuid,
    pub user: User,
    /// Authentication methods (RFC 8176).
    pub amr: Vec<String>,
    pub authenticated_at: DateTime<Utc>,
}

/// A sign-in that lasts.
pub struct Found {
    pub id: Uuid,
    pub user_id: UserId,
    pub password_version: i32,
    pub amr: Vec<String>,
    pub authenticated_at: DateTime<Utc>,
}

pub async fn find(conn: &mut PgConnection, shown: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<Option<Found>> {
    sqlx::query_as!(
        Found,
        "SELECT id, user_id, password_version, amr, authenticated_at FROM sign_ins
         WHERE token_hash = $1 AND ended_at IS NULL AND expires_at > $2",
        &shown.hash(),
        now
    )
    .fetch_optional(conn)
    .await
}

pub async fn insert(
    conn: &mut PgConnection,
    sign_in: &SignIn,
    token: &OpaqueToken,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO sign_ins (id, user_id, token_hash, password_version, amr, authenticated_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        sign_in.id,
        sign_in.user.id.0,
        &token.hash(),
        sign_in.user.password_version,
        &sign_in.amr,
        sign_in.authenticated_at,
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The sign-in that ends by that, and whose it is.
pub async fn end(
    conn: &mut PgConnection,
    shown: &OpaqueToken,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<(Uuid, UserId)>> {
    let ended = sqlx::query!(
        "UPDATE sign_ins SET ended_at = $2 WHERE token_hash = $1 AND ended_at IS NULL RETURNING id, user_id",
        &shown.hash(),
        now
    );
    Ok(ended.fetch_optional(conn).await?.map(|row| (row.id, UserId(row.user_id))))
}
