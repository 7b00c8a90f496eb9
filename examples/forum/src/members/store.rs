//! SQL of members and sessions.

use super::model::{LIFETIME_DAYS, Registration};
use chrono::{DateTime, Days, Utc};
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Member {
    pub id: Uuid,
    #[schema(example = "Grace")]
    pub name: String,
}

/// What signing in is checked against.
#[derive(FromRow)]
pub struct Credentials {
    pub id: Uuid,
    pub password_hash: Option<String>,
}

/// Violates `members_name_key` or `members_email_key` where name or address is taken.
pub async fn insert(
    conn: &mut PgConnection,
    id: Uuid,
    member: &Registration,
    password_hash: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO members (id, name, email, password_hash, created_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(id)
        .bind(&member.name)
        .bind(&member.email)
        .bind(password_hash)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn credentials(conn: &mut PgConnection, email: &str) -> sqlx::Result<Option<Credentials>> {
    sqlx::query_as("SELECT id, password_hash FROM members WHERE lower(email) = lower($1)")
        .bind(email)
        .fetch_optional(conn)
        .await
}

/// Opens a session, and clears away those that have expired; gives the end of the new one.
pub async fn open_session(
    conn: &mut PgConnection,
    token_hash: &[u8],
    member: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<DateTime<Utc>> {
    let expires_at = now + Days::new(LIFETIME_DAYS.into());
    sqlx::query("DELETE FROM sessions WHERE expires_at < $1").bind(now).execute(&mut *conn).await?;
    sqlx::query("INSERT INTO sessions (token_hash, member_id, expires_at) VALUES ($1, $2, $3)")
        .bind(token_hash)
        .bind(member)
        .bind(expires_at)
        .execute(conn)
        .await?;
    Ok(expires_at)
}

pub async fn close_session(conn: &mut PgConnection, token_hash: &[u8]) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM sessions WHERE token_hash = $1").bind(token_hash).execute(conn).await?;
    Ok(())
}

pub async fn member_of_session(
    conn: &mut PgConnection,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Member>> {
    sqlx::query_as(
        "SELECT m.id, m.name FROM sessions s JOIN members m ON m.id = s.member_id WHERE s.token_hash = $1
                    AND s.expires_at > $2",
    )
    .bind(token_hash)
    .bind(now)
    .fetch_optional(conn)
    .await
}
