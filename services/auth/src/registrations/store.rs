//! Where do unconfirmed registrations lie?

use super::model::{LINK_LIFETIME, MOST_PENDING, Registration};
use crate::{email::Email, opaque::OpaqueToken};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// What was asked for, by somebody who has shown that the address is theirs.
pub struct Confirmed {
    pub email: String,
    pub display_name: String,
    pub tenant_name: String,
    pub password_hash: String,
}

/// `false`, and nothing is written, if the address has as many working links as it may have.
pub async fn insert(conn: &mut PgConnection, id: Uuid, asked: &Registration, hash: &str, token: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let insert = sqlx::query!(
        "INSERT INTO registrations (id, email, display_name, tenant_name, password_hash, token_hash, created_at, expires_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8
         WHERE (SELECT count(*) FROM registrations WHERE email = $2 AND used_at IS NULL AND expires_at > $7) < $9",
        id,
        asked.email.as_str(),
        asked.display_name.as_str(),
        asked.tenant_name.as_str(),
        hash,
        &token.hash(),
        now,
        now + LINK_LIFETIME,
        MOST_PENDING
    );
    Ok(insert.execute(conn).await?.rows_affected() > 0)
}

pub async fn is_open(conn: &mut PgConnection, token: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM registrations WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2) AS "open!""#,
        &token.hash(),
        now
    )
    .fetch_one(conn)
    .await
}

/// Uses the link up; of two callers at once only one gets the registration.
pub async fn consume(conn: &mut PgConnection, token: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<Option<Confirmed>> {
    sqlx::query_as!(
        Confirmed,
        "UPDATE registrations SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2
         RETURNING email, display_name, tenant_name, password_hash",
        &token.hash(),
        now
    )
    .fetch_optional(conn)
    .await
}

/// The password hash of the address's latest registration that was never confirmed.
pub async fn pending_hash(conn: &mut PgConnection, email: &Email) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT password_hash FROM registrations WHERE email = $1 AND used_at IS NULL ORDER BY id DESC LIMIT 1", email.as_str())
        .fetch_optional(conn)
        .await
}
