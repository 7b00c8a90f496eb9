//! SQL of the signing keys.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

pub struct StoredKey {
    pub kid: String,
    pub public_key: Vec<u8>,
    pub sealed_private_key: Vec<u8>,
    pub state: State,
}

/// What a key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum State {
    /// Published before it signs.
    Next,
    /// Signs.
    Current,
    /// Only verifies.
    Previous,
}

/// Only one process at a time makes the first key; the lock ends with the transaction.
pub async fn lock(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('auth signing keys'))").execute(conn).await?;
    Ok(())
}

/// Every key that verifies tokens, the newest first.
pub async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<StoredKey>> {
    sqlx::query_as!(
        StoredKey,
        r#"SELECT kid, public_key, sealed_private_key, state AS "state: State"
           FROM signing_keys ORDER BY created_at DESC, kid"#
    )
    .fetch_all(conn)
    .await
}

pub async fn insert(conn: &mut PgConnection, key: &StoredKey, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO signing_keys (kid, public_key, sealed_private_key, state, created_at) VALUES ($1, $2, $3, $4, $5)",
        key.kid,
        key.public_key,
        key.sealed_private_key,
        key.state as State,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
