//! Parked rows of an outbox: messages that SNS will never take as they are. A person looks at them, mends what was
//! wrong, and releases them.

use crate::outbox::RELAY;
use chrono::{DateTime, Utc};
use common::db::Scoped;
use serde_json::Value;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

const LIST: &str = "
    SELECT id, topic, envelope, created_at, parked_at, last_error FROM outbox
    WHERE parked_at IS NOT NULL AND id > $1 ORDER BY id LIMIT $2";
const RELEASE: &str = "
    UPDATE outbox SET parked_at = NULL, refusals = 0, attempts = 0, next_attempt_at = now()
    WHERE id = $1 AND parked_at IS NOT NULL";

/// A row that the relay leaves alone.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct Parked {
    /// Of the message.
    pub id: Uuid,
    pub topic: String,
    pub envelope: Value,
    pub created_at: DateTime<Utc>,
    pub parked_at: DateTime<Utc>,
    /// What SNS said last.
    pub last_error: Option<String>,
}

/// Up to `limit` parked rows after the one of that id, in the order of their ids.
pub async fn list(conn: &mut PgConnection, after: Option<Uuid>, limit: i64) -> sqlx::Result<Vec<Parked>> {
    sqlx::query_as(LIST).bind(after.unwrap_or_default()).bind(limit).fetch_all(conn).await
}

/// Lets the relay try a row again, as if for the first time; `false` if no such row is parked.
pub async fn release(tx: &mut impl Scoped, id: Uuid) -> sqlx::Result<bool> {
    let released = sqlx::query(RELEASE).bind(id).execute(&mut **tx).await?.rows_affected() == 1;
    tx.wake(RELAY);
    Ok(released)
}
