//! SQL of the sealed secrets of authenticator apps, for whoever seals them under another key.

use sqlx::PgConnection;
use uuid::Uuid;

pub struct SealedSecret {
    pub user_id: Uuid,
    pub sealed_secret: Vec<u8>,
}

/// The next ones, by user.
pub async fn after(conn: &mut PgConnection, user: Uuid, limit: i64) -> sqlx::Result<Vec<SealedSecret>> {
    sqlx::query_as!(
        SealedSecret,
        "SELECT user_id, sealed_secret FROM totp_factors WHERE user_id > $1 ORDER BY user_id LIMIT $2",
        user,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Replaces a secret; `false` if it is not as it was read any more.
pub async fn replace(conn: &mut PgConnection, old: &SealedSecret, new: &[u8]) -> sqlx::Result<bool> {
    let replaced = sqlx::query!(
        "UPDATE totp_factors SET sealed_secret = $3 WHERE user_id = $1 AND sealed_secret = $2",
        old.user_id,
        old.sealed_secret,
        new
    );
    Ok(replaced.execute(conn).await?.rows_affected() == 1)
}
