//! SQL of the sealed secrets of identity providers, for whoever seals them under another key.

use sqlx::PgConnection;
use uuid::Uuid;

pub struct SealedSecret {
    pub id: Uuid,
    pub sealed_client_secret: Vec<u8>,
}

/// What a secret is bound to: in another row it opens not.
pub fn context(provider: Uuid) -> Vec<u8> {
    [b"identity provider ", &provider.as_bytes()[..]].concat()
}

/// The next ones, by provider. One that was deleted has none left.
pub async fn after(conn: &mut PgConnection, id: Uuid, limit: i64) -> sqlx::Result<Vec<SealedSecret>> {
    sqlx::query_as!(
        SealedSecret,
        "SELECT id, sealed_client_secret FROM identity_providers WHERE id > $1 AND deleted_at IS NULL ORDER BY id
         LIMIT $2",
        id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Replaces a secret that is still as it was read; `false` if it is not.
pub async fn replace(conn: &mut PgConnection, old: &SealedSecret, new: &[u8]) -> sqlx::Result<bool> {
    let replaced = sqlx::query!(
        "UPDATE identity_providers SET sealed_client_secret = $3 WHERE id = $1 AND sealed_client_secret = $2",
        old.id,
        old.sealed_client_secret,
        new
    );
    Ok(replaced.execute(conn).await?.rows_affected() == 1)
}
