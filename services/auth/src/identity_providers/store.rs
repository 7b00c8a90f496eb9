//! SQL of identity providers.

use chrono::{DateTime, Utc};
use common::{
    db::{Lookup, TenantTx},
    page::PageRequest,
};
use contracts::id::TenantId;
use uuid::Uuid;

/// A provider of a tenant.
#[derive(Clone)]
pub struct Provider {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub name: String,
    pub issuer: String,
    pub client_id: String,
    pub sealed_client_secret: Vec<u8>,
    pub enabled: bool,
    pub revision: i32,
    pub created_at: DateTime<Utc>,
}

/// Providers of the tenant; whoever adds one waits for us. `None` for the platform's own tenant.
pub async fn count_locked(tx: &mut TenantTx) -> sqlx::Result<Option<i64>> {
    let kind = sqlx::query_scalar!("SELECT kind FROM tenants WHERE id = $1 FOR NO KEY UPDATE", tx.tenant().0)
        .fetch_optional(&mut **tx)
        .await?;
    if kind.as_deref() != Some("customer") {
        return Ok(None);
    }
    sqlx::query_scalar!(
        "SELECT count(*) FROM identity_providers WHERE tenant_id = $1 AND deleted_at IS NULL",
        tx.tenant().0
    )
    .fetch_one(&mut **tx)
    .await
}

pub async fn insert(tx: &mut TenantTx, provider: &Provider) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO identity_providers (id, tenant_id, name, issuer, client_id, sealed_client_secret, enabled,
           revision, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        provider.id,
        tx.tenant().0,
        provider.name,
        provider.issuer,
        provider.client_id,
        provider.sealed_client_secret,
        provider.enabled,
        provider.revision,
        provider.created_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn list(tx: &mut TenantTx, page: PageRequest) -> sqlx::Result<Vec<Provider>> {
    sqlx::query_as!(
        Provider,
        "SELECT id, tenant_id, name, issuer, client_id, sealed_client_secret, enabled, revision, created_at
         FROM identity_providers WHERE tenant_id = $1 AND deleted_at IS NULL AND id > $2 ORDER BY id LIMIT $3",
        tx.tenant().0,
        page.after,
        page.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}

pub async fn find(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<Option<Provider>> {
    sqlx::query_as!(
        Provider,
        "SELECT id, tenant_id, name, issuer, client_id, sealed_client_secret, enabled, revision, created_at
         FROM identity_providers WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
        tx.tenant().0,
        id
    )
    .fetch_optional(&mut **tx)
    .await
}

/// As [`find`]; whoever edits it, or signs in by it, waits.
pub async fn lock(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<Option<Provider>> {
    sqlx::query_as!(
        Provider,
        "SELECT id, tenant_id, name, issuer, client_id, sealed_client_secret, enabled, revision, created_at
         FROM identity_providers WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE",
        tx.tenant().0,
        id
    )
    .fetch_optional(&mut **tx)
    .await
}

/// The provider of a sign-in, while people can sign in by it, and the name of its tenant: of which tenant it is only the
/// provider's id says.
pub async fn enabled(tx: &mut Lookup, id: Uuid) -> sqlx::Result<Option<(Provider, String)>> {
    let row = sqlx::query!(
        "SELECT p.id, p.tenant_id, p.name, p.issuer, p.client_id, p.sealed_client_secret, p.enabled, p.revision,
           p.created_at, t.name AS tenant_name
         FROM identity_providers p JOIN tenants t ON t.id = p.tenant_id
         WHERE p.id = $1 AND p.deleted_at IS NULL AND p.enabled AND t.kind = 'customer'",
        id
    );
    Ok(row.fetch_optional(&mut **tx).await?.map(|row| {
        let provider = Provider {
            id: row.id,
            tenant_id: TenantId(row.tenant_id),
            name: row.name,
            issuer: row.issuer,
            client_id: row.client_id,
            sealed_client_secret: row.sealed_client_secret,
            enabled: row.enabled,
            revision: row.revision,
            created_at: row.created_at,
        };
        (provider, row.tenant_name)
    }))
}

/// Whether people can still sign in by the provider as it was in that revision; whoever edits it waits for us, and finds
/// the session.
pub async fn keep(tx: &mut TenantTx, id: Uuid, revision: i32) -> sqlx::Result<bool> {
    let kept = sqlx::query_scalar!(
        "SELECT id FROM identity_providers
         WHERE tenant_id = $1 AND id = $2 AND revision = $3 AND enabled AND deleted_at IS NULL FOR SHARE",
        tx.tenant().0,
        id,
        revision
    );
    Ok(kept.fetch_optional(&mut **tx).await?.is_some())
}

pub async fn replace(tx: &mut TenantTx, provider: &Provider) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE identity_providers SET name = $3, issuer = $4, client_id = $5, sealed_client_secret = $6, enabled = $7,
           revision = $8
         WHERE tenant_id = $1 AND id = $2",
        tx.tenant().0,
        provider.id,
        provider.name,
        provider.issuer,
        provider.client_id,
        provider.sealed_client_secret,
        provider.enabled,
        provider.revision
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// `false` if the tenant never had such a provider; a repetition keeps the first time. Its secret is of no use any more.
pub async fn delete(tx: &mut TenantTx, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let delete = sqlx::query!(
        "UPDATE identity_providers SET deleted_at = coalesce(deleted_at, $3), sealed_client_secret = ''
         WHERE tenant_id = $1 AND id = $2",
        tx.tenant().0,
        id,
        now
    );
    Ok(delete.execute(&mut **tx).await?.rows_affected() > 0)
}
