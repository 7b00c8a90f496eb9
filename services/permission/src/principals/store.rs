//! SQL of principals; every statement carries the tenant, and who has left stays as a row.

use chrono::{DateTime, Utc};
use common::db::TenantTx;
use contracts::{http::authority::Existing, id::Principal, messages::TenantKind};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Notes a tenant as `TenantCreated` says it; `false` if it is known already.
pub async fn insert_tenant(tx: &mut TenantTx, kind: TenantKind, created_at: DateTime<Utc>) -> sqlx::Result<bool> {
    let kind = match kind {
        TenantKind::Customer => "customer",
        TenantKind::Platform => "platform",
    };
    let inserted = sqlx::query!(
        "INSERT INTO tenants (id, kind, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        tx.tenant().0,
        kind,
        created_at
    );
    Ok(inserted.execute(&mut **tx).await?.rows_affected() == 1)
}

/// Locks the tenant against other writers, first as in every change, so that a removal and whoever comes see each
/// other. Whether it is known.
pub async fn lock_tenant(tx: &mut TenantTx) -> sqlx::Result<bool> {
    let known = sqlx::query_scalar!("SELECT id FROM tenants WHERE id = $1 FOR NO KEY UPDATE", tx.tenant().0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(known.is_some())
}

/// Those of `named` who are not known to exist.
pub async fn unknown(tx: &mut TenantTx, named: &BTreeSet<Principal>) -> sqlx::Result<BTreeSet<String>> {
    let names: Vec<String> = named.iter().map(ToString::to_string).collect();
    let unknown = sqlx::query_scalar!(
        r#"SELECT name AS "name!" FROM unnest($2::text[]) AS name
           WHERE NOT EXISTS (SELECT FROM principals p WHERE p.tenant_id = $1 AND p.principal = name
           AND p.gone_at IS NULL)"#,
        tx.tenant().0,
        &names
    );
    Ok(unknown.fetch_all(&mut **tx).await?.into_iter().collect())
}

/// Users with a living grant of `owner` or `operator` who are not known to exist: granted before this service knew who
/// does, or made up.
pub async fn unknown_owners(tx: &mut TenantTx) -> sqlx::Result<BTreeSet<String>> {
    let unknown = sqlx::query_scalar!(
        "SELECT DISTINCT g.principal FROM grants g JOIN roles r ON r.id = g.role_id AND r.tenant_id IS NULL
         WHERE g.tenant_id = $1 AND r.name IN ('owner', 'operator') AND g.principal LIKE 'user:%'
         AND g.effect = 'allow' AND g.revoked_at IS NULL
           AND NOT EXISTS (SELECT FROM principals p WHERE p.tenant_id = $1 AND p.principal = g.principal
           AND p.gone_at IS NULL)",
        tx.tenant().0
    );
    Ok(unknown.fetch_all(&mut **tx).await?.into_iter().collect())
}

pub async fn exists(tx: &mut TenantTx, principal: &Principal) -> sqlx::Result<bool> {
    Ok(unknown(tx, &BTreeSet::from([principal.clone()])).await?.is_empty())
}

/// Notes who exists, unless they have left since. Of a tenant that is not known yet nothing is noted.
pub async fn note(tx: &mut TenantTx, existing: &[Existing]) -> sqlx::Result<()> {
    let (names, ids): (Vec<String>, Vec<Uuid>) = existing.iter().map(|one| (one.principal.to_string(), one.id)).unzip();
    sqlx::query!(
        "INSERT INTO principals (tenant_id, principal, id)
         SELECT $1, name, id FROM unnest($2::text[], $3::uuid[]) AS one (name, id) WHERE EXISTS (SELECT
         FROM tenants WHERE tenants.id = $1)
         ON CONFLICT DO NOTHING",
        tx.tenant().0,
        &names,
        &ids
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Whether this membership or machine is known to be over.
pub async fn has_left(tx: &mut TenantTx, principal: &Principal, id: Uuid) -> sqlx::Result<bool> {
    let gone = sqlx::query_scalar!(
        "SELECT id FROM principals WHERE tenant_id = $1 AND principal = $2 AND id = $3 AND gone_at IS NOT NULL",
        tx.tenant().0,
        principal.to_string(),
        id
    );
    Ok(gone.fetch_optional(&mut **tx).await?.is_some())
}

/// Whether they had not left before. Also for one who was never noted, whose coming may still be on its way.
pub async fn leave(tx: &mut TenantTx, principal: &Principal, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let left = sqlx::query!(
        "INSERT INTO principals AS p (tenant_id, principal, id, gone_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, principal, id) DO UPDATE SET gone_at = $4 WHERE p.gone_at IS NULL",
        tx.tenant().0,
        principal.to_string(),
        id,
        now
    );
    Ok(left.execute(&mut **tx).await?.rows_affected() == 1)
}
