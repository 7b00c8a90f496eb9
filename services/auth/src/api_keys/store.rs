//! Where do API keys lie?

use access::token::ApiKey;
use chrono::{DateTime, Utc};
use common::page::PageRequest;
use contracts::id::{ApiKeyId, TenantId, UserId};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

/// A key as its owner sees it.
#[derive(Serialize, ToSchema)]
pub struct OwnKey {
    pub id: ApiKeyId,
    pub name: String,
    /// What it may be used for, sorted.
    pub permissions: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    /// Some minutes ago may be now: a service that knows the key does not ask about each use.
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
pub async fn count_locked(conn: &mut PgConnection, tenant: TenantId, user: UserId) -> sqlx::Result<Option<i64>> {
    let member = sqlx::query_scalar!(
        "SELECT id FROM memberships WHERE tenant_id = $1 AND user_id = $2 FOR NO KEY UPDATE",
        tenant.0,
        user.0
    );
    if member.fetch_optional(&mut *conn).await?.is_none() {
        return Ok(None);
    }
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM api_keys WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL"#,
        tenant.0,
        user.0
    );
    count.fetch_one(conn).await.map(Some)
}

pub async fn insert(
    conn: &mut PgConnection,
    tenant: TenantId,
    user: UserId,
    key: &OwnKey,
    secret: &ApiKey,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO api_keys (id, tenant_id, user_id, name, permissions, key_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        key.id.0,
        tenant.0,
        user.0,
        key.name,
        &key.permissions,
        &secret.hash(),
        key.created_at,
        key.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn list(
    conn: &mut PgConnection,
    tenant: TenantId,
    user: UserId,
    page: PageRequest,
) -> sqlx::Result<Vec<OwnKey>> {
    sqlx::query_as!(
        OwnKey,
        "SELECT id, name, permissions, created_at, expires_at, last_used_at FROM api_keys
         WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL AND id > $3 ORDER BY id LIMIT $4",
        tenant.0,
        user.0,
        page.after,
        page.fetch()
    )
    .fetch_all(conn)
    .await
}

/// `false` if the user never had such a key; a repetition keeps the first time.
pub async fn revoke(
    conn: &mut PgConnection,
    tenant: TenantId,
    user: UserId,
    id: ApiKeyId,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let revoke = sqlx::query!(
        "UPDATE api_keys SET revoked_at = coalesce(revoked_at, $4) WHERE tenant_id = $1 AND user_id = $2 AND id = $3",
        tenant.0,
        user.0,
        id.0,
        now
    );
    Ok(revoke.execute(conn).await?.rows_affected() > 0)
}

/// A key of whichever tenant that works at `now` and whose owner is a member, locked: whoever revokes it waits for us.
pub async fn lock_working(
    conn: &mut PgConnection,
    id: ApiKeyId,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<WorkingKey>> {
    sqlx::query_as!(
        WorkingKey,
        "SELECT k.id, k.tenant_id, k.user_id, k.permissions, k.key_hash, k.expires_at, k.last_used_at
         FROM api_keys k JOIN memberships m ON m.user_id = k.user_id AND m.tenant_id = k.tenant_id
         WHERE k.id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2) FOR NO KEY UPDATE OF k",
        id.0,
        now
    )
    .fetch_optional(conn)
    .await
}

pub async fn touch(conn: &mut PgConnection, key: &WorkingKey, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE api_keys SET last_used_at = $3 WHERE tenant_id = $1 AND id = $2",
        key.tenant_id.0,
        key.id.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
