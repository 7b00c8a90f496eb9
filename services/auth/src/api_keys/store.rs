//! SQL of API keys.

use access::token::ApiKey;
use chrono::{DateTime, Utc};
use common::{
    db::{Lookup, TenantTx},
    page::PageRequest,
};
use contracts::id::{ApiKeyId, TenantId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

/// A key as its owner sees it.
#[derive(Serialize, ToSchema)]
pub struct OwnKey {
    pub id: ApiKeyId,
    pub name: String,
    /// What it may be used for, sorted.
    pub permissions: Vec<String>,
    pub created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Some minutes ago may be now: a service that knows the key does not ask about each use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A key that works, with what its token says.
pub struct WorkingKey {
    pub id: ApiKeyId,
    pub tenant_id: TenantId,
    pub user_id: UserId,
    pub permissions: Vec<String>,
    pub key_hash: Vec<u8>,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Keys of the member that are not revoked, or `None` for somebody who is none; whoever adds one waits for us.
pub async fn count_locked(tx: &mut TenantTx, user: UserId) -> sqlx::Result<Option<i64>> {
    let member = sqlx::query_scalar!(
        "SELECT id FROM memberships WHERE tenant_id = $1 AND user_id = $2 FOR NO KEY UPDATE",
        tx.tenant().0,
        user.0
    );
    if member.fetch_optional(&mut **tx).await?.is_none() {
        return Ok(None);
    }
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM api_keys WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL"#,
        tx.tenant().0,
        user.0
    );
    count.fetch_one(&mut **tx).await.map(Some)
}

pub async fn insert(tx: &mut TenantTx, user: UserId, key: &OwnKey, secret: &ApiKey) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO api_keys (id, tenant_id, user_id, name, permissions, key_hash, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        key.id.0,
        tx.tenant().0,
        user.0,
        key.name,
        &key.permissions,
        &secret.hash(),
        key.created_at,
        key.expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn list(tx: &mut TenantTx, user: UserId, page: PageRequest) -> sqlx::Result<Vec<OwnKey>> {
    sqlx::query_as!(
        OwnKey,
        "SELECT id, name, permissions, created_at, expires_at, last_used_at FROM api_keys
         WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL AND id > $3 ORDER BY id LIMIT $4",
        tx.tenant().0,
        user.0,
        page.after,
        page.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}

/// Whether it was alive until now; `None` if the user never had such a key. A repetition keeps the first time.
pub async fn revoke(tx: &mut TenantTx, user: UserId, id: ApiKeyId, now: DateTime<Utc>) -> sqlx::Result<Option<bool>> {
    let revoke = sqlx::query_scalar!(
        r#"WITH found AS (
             SELECT id, revoked_at FROM api_keys WHERE tenant_id = $1 AND user_id = $2 AND id = $3 FOR NO KEY UPDATE
           )
           UPDATE api_keys key SET revoked_at = coalesce(found.revoked_at, $4) FROM found
           WHERE key.tenant_id = $1 AND key.id = found.id RETURNING found.revoked_at IS NULL AS "lived!""#,
        tx.tenant().0,
        user.0,
        id.0,
        now
    );
    revoke.fetch_optional(&mut **tx).await
}

/// A key, alive or not, with whose it is.
pub struct KnownKey {
    pub user_id: UserId,
    pub name: String,
    pub key_hash: Vec<u8>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Whoever revokes or uses it waits for us.
pub async fn lock(tx: &mut TenantTx, id: ApiKeyId) -> sqlx::Result<Option<KnownKey>> {
    sqlx::query_as!(
        KnownKey,
        "SELECT user_id, name, key_hash, revoked_at FROM api_keys WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE",
        tx.tenant().0,
        id.0
    )
    .fetch_optional(&mut **tx)
    .await
}

/// The tenant that a key acts in.
pub async fn tenant_of(tx: &mut Lookup, id: ApiKeyId) -> sqlx::Result<Option<TenantId>> {
    let tenant = sqlx::query_scalar!("SELECT tenant_id FROM api_keys WHERE id = $1", id.0);
    Ok(tenant.fetch_optional(&mut **tx).await?.map(TenantId))
}

/// A key that works at `now` and whose owner is a member, locked: whoever revokes it waits for us.
pub async fn lock_working(tx: &mut TenantTx, id: ApiKeyId, now: DateTime<Utc>) -> sqlx::Result<Option<WorkingKey>> {
    sqlx::query_as!(
        WorkingKey,
        "SELECT k.id, k.tenant_id, k.user_id, k.permissions, k.key_hash, k.expires_at, k.last_used_at
         FROM api_keys k JOIN memberships m ON m.user_id = k.user_id AND m.tenant_id = k.tenant_id
         WHERE k.tenant_id = $1 AND k.id = $2 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $3)
         FOR NO KEY UPDATE OF k",
        tx.tenant().0,
        id.0,
        now
    )
    .fetch_optional(&mut **tx)
    .await
}

pub async fn touch(tx: &mut TenantTx, id: ApiKeyId, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE api_keys SET last_used_at = $3 WHERE tenant_id = $1 AND id = $2", tx.tenant().0, id.0, now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
