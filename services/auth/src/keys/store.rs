//! Where do the signing keys lie?

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

pub struct StoredKey {
    pub kid: String,
    pub public_key: Vec<u8>,
    pub sealed_private_key: Vec<u8>,
    pub state: String,
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
        "SELECT kid, public_key, sealed_private_key, state FROM signing_keys ORDER BY created_at DESC, kid"
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
        key.state,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
