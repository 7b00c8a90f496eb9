//! Which rows decide what a principal may do? Read from the primary, each time.

use super::model::{Grant, Held, Pattern, Standing};
use crate::catalog;
use contracts::{
    id::{Principal, TenantId},
    messages::TenantKind,
};
use sqlx::PgConnection;

/// All that decides what the principal may do in the tenant. The rows may be of slightly different instants: a change
/// between two reads ends with new stamps, and what was read before does not count then.
pub async fn read(conn: &mut PgConnection, tenant: TenantId, principal: &Principal) -> sqlx::Result<Standing> {
    let grants = grants(conn, tenant, principal).await?;
    let kind = kind(conn, tenant).await?.unwrap_or(TenantKind::Customer);
    let catalog = catalog::store::all(conn).await?;
    Ok(Standing { catalog, kind, grants })
}

async fn kind(conn: &mut PgConnection, tenant: TenantId) -> sqlx::Result<Option<TenantKind>> {
    let kind = sqlx::query_scalar!("SELECT kind FROM tenants WHERE id = $1", tenant.0).fetch_optional(conn).await?;
    Ok(kind.map(|kind| kind_of(&kind)))
}

/// The tenant's kind, with its roles and grants locked against other writers until the transaction ends; `None` if there is no such tenant.
pub async fn lock_tenant(conn: &mut PgConnection, tenant: TenantId) -> sqlx::Result<Option<TenantKind>> {
    let kind = sqlx::query_scalar!("SELECT kind FROM tenants WHERE id = $1 FOR NO KEY UPDATE", tenant.0).fetch_optional(conn).await?;
    Ok(kind.map(|kind| kind_of(&kind)))
}

fn kind_of(text: &str) -> TenantKind {
    if text == "platform" { TenantKind::Platform } else { TenantKind::Customer }
}

async fn grants(conn: &mut PgConnection, tenant: TenantId, principal: &Principal) -> sqlx::Result<Vec<Grant>> {
    let rows = sqlx::query!(
        r#"SELECT g.permission, g.expires_at, r.name AS "role?", (r.tenant_id IS NULL) AS "built_in!",
                  ARRAY(SELECT p.pattern FROM role_permissions p WHERE p.role_id = r.id) AS "patterns!"
           FROM grants g LEFT JOIN roles r ON r.id = g.role_id AND (r.tenant_id = g.tenant_id OR r.tenant_id IS NULL)
           WHERE g.tenant_id = $1 AND g.principal = $2 AND g.revoked_at IS NULL"#,
        tenant.0,
        principal.to_string()
    )
    .fetch_all(conn)
    .await?;
    let held = |role: Option<String>, built_in: bool, patterns: Vec<String>| match role {
        Some(role) if built_in => Held::built_in(&role).unwrap_or(Held::Patterns(Vec::new())),
        _ => held_by(&patterns),
    };
    Ok(rows
        .into_iter()
        .map(|row| {
            let patterns = row.permission.map_or(row.patterns, |name| vec![name]);
            Grant { held: held(row.role, row.built_in, patterns), expires_at: row.expires_at }
        })
        .collect())
}

/// What the patterns of a row hold; the table's own checks let none in that cannot be read.
pub fn held_by(patterns: &[String]) -> Held {
    Held::Patterns(patterns.iter().filter_map(|text| text.parse::<Pattern>().ok()).collect())
}
