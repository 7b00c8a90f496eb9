//! SQL of idempotency keys.

use crate::key::Derived;
use chrono::{DateTime, Utc};
use contracts::id::TenantId;
use sqlx::PgConnection;

/// A key that is being claimed by another transaction is waited for. One that has expired is as new; any other is only
/// locked, so that nobody forgets it before it is read.
const CLAIM: &str = "
    INSERT INTO idempotency_keys AS held (key_hash, tenant_id, fingerprint, expires_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (key_hash) DO UPDATE
    SET fingerprint = excluded.fingerprint, answer = NULL, expires_at = excluded.expires_at
    WHERE held.expires_at <= $5";
const FIND: &str = "SELECT fingerprint, answer FROM idempotency_keys WHERE key_hash = $1 AND expires_at > $2";
const REMEMBER: &str = "UPDATE idempotency_keys SET answer = $2 WHERE key_hash = $1";
const PRUNE: &str = "
    DELETE FROM idempotency_keys WHERE key_hash IN (
        SELECT key_hash FROM idempotency_keys WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// What is known of a key.
#[derive(sqlx::FromRow)]
pub(crate) struct Known {
    pub fingerprint: Vec<u8>,
    /// `None` if the request under this key kept none.
    pub answer: Option<Vec<u8>>,
}

/// Whether the key is this transaction's.
pub(crate) async fn claim(
    conn: &mut PgConnection,
    derived: &Derived,
    tenant: Option<TenantId>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let query = sqlx::query(CLAIM)
        .bind(&derived.key_hash[..])
        .bind(tenant.map(|tenant| tenant.0))
        .bind(&derived.fingerprint[..])
        .bind(now + crate::KEPT)
        .bind(now);
    Ok(query.execute(conn).await?.rows_affected() == 1)
}

pub(crate) async fn find(
    conn: &mut PgConnection,
    derived: &Derived,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Known>> {
    sqlx::query_as(FIND).bind(&derived.key_hash[..]).bind(now).fetch_optional(conn).await
}

/// Keeps the answer of a key that this transaction has claimed; `false` if it sees no such key.
pub(crate) async fn remember(conn: &mut PgConnection, derived: &Derived, answer: &[u8]) -> sqlx::Result<bool> {
    let kept = sqlx::query(REMEMBER).bind(&derived.key_hash[..]).bind(answer).execute(conn).await?;
    Ok(kept.rows_affected() == 1)
}

/// Forgets up to `most` keys that have expired; gives how many.
pub(crate) async fn prune(conn: &mut PgConnection, now: DateTime<Utc>, most: i64) -> sqlx::Result<u64> {
    Ok(sqlx::query(PRUNE).bind(now).bind(most).execute(conn).await?.rows_affected())
}
