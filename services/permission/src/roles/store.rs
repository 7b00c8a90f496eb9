//! Which rows are roles? Every statement carries the tenant; built-in roles have none.

use super::model::NewRole;
use chrono::{DateTime, Utc};
use common::page::PageRequest;
use contracts::{id::TenantId, messages::TenantKind};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Debug, Serialize, ToSchema)]
pub struct Role {
    pub id: Uuid,
    #[schema(example = "accountant")]
    pub name: String,
    /// Every tenant has it, and nobody edits it; what it holds is a rule.
    pub built_in: bool,
    /// Names, or `forum.*` for all of a namespace except what is dangerous. Empty for built-in roles.
    #[schema(example = json!(["billing.*"]))]
    pub permissions: Vec<String>,
    pub created_at: DateTime<Utc>,
}

/// The tenant's own and the built-in roles; `operator` means something only in tenants of kind platform.
pub async fn page(conn: &mut PgConnection, tenant: TenantId, request: PageRequest) -> sqlx::Result<Vec<Role>> {
    sqlx::query_as!(
        Role,
        r#"SELECT r.id, r.name, (r.tenant_id IS NULL) AS "built_in!", r.created_at,
                  ARRAY(SELECT p.pattern FROM role_permissions p WHERE p.role_id = r.id ORDER BY p.pattern COLLATE "C") AS "permissions!"
           FROM roles r
           WHERE (r.tenant_id = $1 OR r.tenant_id IS NULL) AND r.deleted_at IS NULL AND r.id > $2
             AND (r.name <> 'operator' OR EXISTS (SELECT FROM tenants t WHERE t.id = $1 AND t.kind = 'platform'))
           ORDER BY r.id LIMIT $3"#,
        tenant.0,
        request.after,
        request.fetch()
    )
    .fetch_all(conn)
    .await
}

/// The role that the tenant knows under this name.
pub async fn find(conn: &mut PgConnection, tenant: TenantId, kind: TenantKind, name: &str) -> sqlx::Result<Option<Role>> {
    sqlx::query_as!(
        Role,
        r#"SELECT r.id, r.name, (r.tenant_id IS NULL) AS "built_in!", r.created_at,
                  ARRAY(SELECT p.pattern FROM role_permissions p WHERE p.role_id = r.id ORDER BY p.pattern COLLATE "C") AS "permissions!"
           FROM roles r
           WHERE (r.tenant_id = $1 OR r.tenant_id IS NULL) AND r.deleted_at IS NULL AND r.name = $2 AND (r.name <> 'operator' OR $3)"#,
        tenant.0,
        name,
        kind == TenantKind::Platform
    )
    .fetch_optional(conn)
    .await
}

/// Stores the role; a name that the tenant already uses violates `roles_name`.
pub async fn insert(conn: &mut PgConnection, tenant: TenantId, id: Uuid, role: &NewRole, now: DateTime<Utc>) -> sqlx::Result<Role> {
    let mut permissions: Vec<String> = role.patterns.iter().map(ToString::to_string).collect();
    permissions.sort_unstable();
    sqlx::query!("INSERT INTO roles (id, tenant_id, name, created_at) VALUES ($1, $2, $3, $4)", id, tenant.0, role.name, now).execute(&mut *conn).await?;
    sqlx::query!("INSERT INTO role_permissions (role_id, pattern) SELECT $1, unnest($2::text[])", id, &permissions).execute(conn).await?;
    Ok(Role { id, name: role.name.clone(), built_in: false, permissions, created_at: now })
}

/// Whether there was such a role of the tenant's own.
pub async fn delete(conn: &mut PgConnection, tenant: TenantId, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let deleted =
        sqlx::query!("UPDATE roles SET deleted_at = $3 WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL", tenant.0, id, now).execute(conn).await?;
    Ok(deleted.rows_affected() == 1)
}

/// How many living grants give the role.
pub async fn grants(conn: &mut PgConnection, tenant: TenantId, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM grants
           WHERE tenant_id = $1 AND role_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)"#,
        tenant.0,
        id,
        now
    )
    .fetch_one(conn)
    .await
}
