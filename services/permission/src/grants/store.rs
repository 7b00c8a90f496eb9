//! Which rows are grants? Every statement carries the tenant.

use chrono::{DateTime, Utc};
use common::page::PageRequest;
use contracts::id::{Principal, TenantId};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Debug, Serialize, ToSchema)]
pub struct Grant {
    pub id: Uuid,
    #[schema(example = "user:01890a5d-ac96-774b-bcce-b302099a8057")]
    pub principal: String,
    /// Name of the role it gives, if it gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "accountant")]
    pub role: Option<String>,
    /// The permission it gives, if it gives one by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub granted_by: String,
    pub granted_at: DateTime<Utc>,
}

/// A grant to be stored.
pub struct NewGrant<'a> {
    pub id: Uuid,
    pub principal: &'a Principal,
    pub role_id: Option<Uuid>,
    pub permission: Option<&'a str>,
    pub expires_at: Option<DateTime<Utc>>,
    pub reason: Option<&'a str>,
    pub granted_by: &'a Principal,
    pub now: DateTime<Utc>,
}

/// A grant as far as revoking it needs.
pub struct Revocable {
    pub principal: String,
    pub built_in_role: Option<String>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The living grants of the tenant, or of one principal in it.
pub async fn page(
    conn: &mut PgConnection,
    tenant: TenantId,
    principal: Option<&Principal>,
    now: DateTime<Utc>,
    request: PageRequest,
) -> sqlx::Result<Vec<Grant>> {
    sqlx::query_as!(
        Grant,
        r#"SELECT g.id, g.principal, r.name AS "role?", g.permission, g.expires_at, g.reason, g.granted_by, g.granted_at
           FROM grants g LEFT JOIN roles r ON r.id = g.role_id AND (r.tenant_id = g.tenant_id OR r.tenant_id IS NULL)
           WHERE g.tenant_id = $1 AND ($2::text IS NULL OR g.principal = $2) AND g.id > $3
             AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > $4)
           ORDER BY g.id LIMIT $5"#,
        tenant.0,
        principal.map(ToString::to_string),
        request.after,
        now,
        request.fetch()
    )
    .fetch_all(conn)
    .await
}

/// Stores the grant; one that the principal already has violates `grants_once`.
pub async fn insert(conn: &mut PgConnection, tenant: TenantId, grant: &NewGrant<'_>) -> sqlx::Result<()> {
    close_expired(conn, tenant, grant).await?;
    sqlx::query!(
        "INSERT INTO grants (id, tenant_id, principal, role_id, permission, expires_at, reason, granted_by, granted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        grant.id,
        tenant.0,
        grant.principal.to_string(),
        grant.role_id,
        grant.permission,
        grant.expires_at,
        grant.reason,
        grant.granted_by.to_string(),
        grant.now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An expired grant of the same becomes history, so that it is not in the way of a new one.
async fn close_expired(conn: &mut PgConnection, tenant: TenantId, grant: &NewGrant<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE grants SET revoked_at = expires_at, revoked_by = granted_by
         WHERE tenant_id = $1 AND principal = $2 AND role_id IS NOT DISTINCT FROM $3 AND permission IS NOT DISTINCT FROM $4
           AND revoked_at IS NULL AND expires_at <= $5",
        tenant.0,
        grant.principal.to_string(),
        grant.role_id,
        grant.permission,
        grant.now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a built-in role without an end; one that the principal has for a time only loses its end.
pub async fn insert_built_in(conn: &mut PgConnection, tenant: TenantId, grant: &NewGrant<'_>, role: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO grants (id, tenant_id, principal, role_id, reason, granted_by, granted_at)
         SELECT $1, $2, $3, id, $4, $5, $6 FROM roles WHERE tenant_id IS NULL AND name = $7
         ON CONFLICT (tenant_id, principal, role_id, permission) WHERE revoked_at IS NULL DO UPDATE SET expires_at = NULL",
        grant.id,
        tenant.0,
        grant.principal.to_string(),
        grant.reason,
        grant.granted_by.to_string(),
        grant.now,
        role
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A grant of the tenant, living or not.
pub async fn find(conn: &mut PgConnection, tenant: TenantId, id: Uuid) -> sqlx::Result<Option<Revocable>> {
    sqlx::query_as!(
        Revocable,
        r#"SELECT g.principal, r.name AS "built_in_role?", g.revoked_at
           FROM grants g LEFT JOIN roles r ON r.id = g.role_id AND r.tenant_id IS NULL WHERE g.tenant_id = $1 AND g.id = $2"#,
        tenant.0,
        id
    )
    .fetch_optional(conn)
    .await
}

/// Revokes the grant if it is not revoked yet.
pub async fn revoke(conn: &mut PgConnection, tenant: TenantId, id: Uuid, by: &Principal, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE grants SET revoked_at = $4, revoked_by = $3 WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL",
        tenant.0,
        id,
        by.to_string(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a user of the tenant holds the built-in role without an end.
pub async fn is_held(conn: &mut PgConnection, tenant: TenantId, role: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM grants g JOIN roles r ON r.id = g.role_id AND r.tenant_id IS NULL
               WHERE g.tenant_id = $1 AND r.name = $2 AND g.principal LIKE 'user:%' AND g.revoked_at IS NULL AND g.expires_at IS NULL
           ) AS "held!""#,
        tenant.0,
        role
    )
    .fetch_one(conn)
    .await
}
