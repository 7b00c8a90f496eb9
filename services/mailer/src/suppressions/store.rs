//! The suppression list's SQL.

use chrono::{DateTime, Utc};
use common::page::PageRequest;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// An address out of circulation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Suppression {
    pub address: String,
    /// `bounce` or `complaint`
    pub reason: String,
    /// The mail that caused it.
    pub message_id: Uuid,
    pub created_at: DateTime<Utc>,
}

/// Takes an address out of circulation; the first reason stays.
pub async fn add(conn: &mut PgConnection, address: &str, reason: &str, message_id: Uuid, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO suppressions (address, reason, message_id, created_at) VALUES (lower($1), $2, $3, $4) ON CONFLICT (address) DO NOTHING",
        address,
        reason,
        message_id,
        now
    )
    .execute(conn)
    .await
    .map(drop)
}

pub async fn list(conn: &mut PgConnection, page: PageRequest) -> sqlx::Result<Vec<Suppression>> {
    sqlx::query_as!(
        Suppression,
        "SELECT address, reason, message_id, created_at FROM suppressions WHERE message_id > $1 ORDER BY message_id, address LIMIT $2",
        page.after,
        page.fetch()
    )
    .fetch_all(conn)
    .await
}

/// Whether the address was there to be put back.
pub async fn remove(conn: &mut PgConnection, address: &str) -> sqlx::Result<bool> {
    let removed = sqlx::query!("DELETE FROM suppressions WHERE address = lower($1)", address).execute(conn).await?;
    Ok(removed.rows_affected() == 1)
}
