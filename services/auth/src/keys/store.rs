//! SQL of the signing keys.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

#[derive(Clone)]
pub struct StoredKey {
    pub kid: String,
    pub public_key: Vec<u8>,
    /// Empty once the key signs no more.
    pub sealed_private_key: Vec<u8>,
    pub state: State,
    /// Since when it is in that state.
    pub since: DateTime<Utc>,
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

/// Only one process at a time changes keys; the lock ends with the transaction.
pub async fn lock(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('auth signing keys'))").execute(conn).await?;
    Ok(())
}

/// Every key that is published: the current one, the next, then those before, the newest first.
pub async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<StoredKey>> {
    sqlx::query_as!(
        StoredKey,
        r#"SELECT kid, public_key, sealed_private_key, state AS "state: State", coalesce(since, created_at) AS "since!"
           FROM signing_keys
           ORDER BY array_position(ARRAY['current', 'next', 'previous'], state), created_at DESC, kid"#
    )
    .fetch_all(conn)
    .await
}

pub async fn insert(conn: &mut PgConnection, key: &StoredKey) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO signing_keys (kid, public_key, sealed_private_key, state, created_at, since)
         VALUES ($1, $2, $3, $4, $5, $5)",
        key.kid,
        key.public_key,
        key.sealed_private_key,
        key.state as State,
        key.since
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The current key signs no more, and nobody can ever sign with it again.
pub async fn retire_current(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "UPDATE signing_keys SET state = 'previous', since = $1, sealed_private_key = '' WHERE state = 'current'
         RETURNING kid",
        now
    )
    .fetch_optional(conn)
    .await
}

/// The next key begins to sign, where no other does.
pub async fn promote_next(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE signing_keys SET state = 'current', since = $1 WHERE state = 'next'", now)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn delete(conn: &mut PgConnection, kids: &[String]) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM signing_keys WHERE kid = ANY ($1)", kids).execute(conn).await?;
    Ok(())
}

/// Replaces what is sealed; `false` if somebody else has meanwhile.
pub async fn replace_sealed(conn: &mut PgConnection, key: &StoredKey, resealed: &[u8]) -> sqlx::Result<bool> {
    let replaced = sqlx::query!(
        "UPDATE signing_keys SET sealed_private_key = $3 WHERE kid = $1 AND sealed_private_key = $2",
        key.kid,
        key.sealed_private_key,
        resealed
    );
    Ok(replaced.execute(conn).await?.rows_affected() == 1)
}
