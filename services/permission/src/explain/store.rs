//! SQL of what held at an instant of the past.

use crate::{
    effective::{
        self,
        entitlements::{Entitlements, TenantContext},
        model::{Effect, Grant, Held},
        store::Row,
    },
    roles::store::{Content, assemble},
};
use chrono::{DateTime, Utc};
use common::db::{TenantTx, from_text};
use contracts::{id::Principal, manifest::PermissionEntry};
use sqlx::PgConnection;
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

/// Ended grants that are looked through for the nearest one.
const MOST_ENDED: i64 = 200;
/// Grants to groups that are looked through for one to join.
const MOST_OF_GROUPS: i64 = 1_000;

/// What decided at the instant what the principal may do; the tenant's kind never changes.
pub async fn entitlements(tx: &mut TenantTx, principal: &Principal, at: DateTime<Utc>) -> sqlx::Result<Entitlements> {
    let roles = roles(tx, at).await?;
    let rows = sqlx::query_as!(
        Row,
        r#"WITH holders AS (
               SELECT $2::text AS principal, NULL::uuid AS group_id
               UNION ALL
               SELECT 'group:' || group_id, group_id FROM group_members
               WHERE tenant_id = $1 AND principal = $2 AND added_at <= $3 AND (removed_at IS NULL OR removed_at > $3)
           )
           SELECT $2::text AS "holder!", g.id, g.effect AS "effect: Effect", g.role_id, g.permission, g.expires_at,
           h.group_id, gr.name AS "group_name?"
           FROM holders h JOIN grants g ON g.tenant_id = $1 AND g.principal = h.principal
           LEFT JOIN groups gr ON gr.tenant_id = $1 AND gr.id = h.group_id
           WHERE g.granted_at <= $3 AND (g.revoked_at IS NULL OR g.revoked_at > $3)"#,
        tx.tenant().0,
        principal.to_string(),
        at
    )
    .fetch_all(&mut **tx)
    .await?;
    let version = sqlx::query_scalar!(
        r#"SELECT COALESCE(max(version), 0) AS "version!" FROM audit WHERE tenant_id = $1 AND at <= $2"#,
        tx.tenant().0,
        at
    );
    let version = version.fetch_one(&mut **tx).await?;
    let kind = effective::store::kind(tx).await?;
    let registry = Arc::new(registry(tx, at).await?);
    Ok(TenantContext { kind, version, registry }.entitlements(effective::store::assemble(rows, &roles)))
}

/// What every role held, with all that it included.
pub async fn roles(tx: &mut TenantTx, at: DateTime<Utc>) -> sqlx::Result<HashMap<Uuid, Held>> {
    let rows = sqlx::query_as!(
        Content,
        r#"SELECT id AS "id!", name AS "name!", true AS "built_in!", '{}'::text[] AS "permissions!",
           '{}'::uuid[] AS "includes!"
           FROM roles WHERE tenant_id IS NULL
           UNION ALL
           (SELECT DISTINCT ON (r.id) r.id, v.name, false, v.permissions, v.includes
            FROM roles r JOIN role_versions v ON v.role_id = r.id
            WHERE r.tenant_id = $1 AND v.since <= $2 AND (r.deleted_at IS NULL OR r.deleted_at > $2)
            ORDER BY r.id, v.revision DESC)"#,
        tx.tenant().0,
        at
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(assemble(rows))
}

async fn registry(conn: &mut PgConnection, at: DateTime<Utc>) -> sqlx::Result<Vec<PermissionEntry>> {
    let rows = sqlx::query!(
        "SELECT DISTINCT ON (name) name, dangerous, scope, roles, removed FROM permission_versions
         WHERE since <= $1 ORDER BY name, since DESC",
        at
    )
    .fetch_all(conn)
    .await?;
    let there = rows.into_iter().filter(|row| !row.removed);
    there
        .map(|row| {
            let (scope, text) = (from_text(&row.scope)?, String::new());
            let (name, dangerous, roles) = (row.name, row.dangerous, row.roles);
            Ok(PermissionEntry { name, text, dangerous, scope, roles, deprecated: false })
        })
        .collect()
}

/// The newest of the principal's own grants that had ended by then.
pub async fn ended(
    tx: &mut TenantTx,
    principal: &Principal,
    at: DateTime<Utc>,
    roles: &HashMap<Uuid, Held>,
) -> sqlx::Result<Vec<Grant>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT principal
           AS holder, id, effect AS "effect: Effect", role_id, permission, LEAST(revoked_at, expires_at) AS expires_at,
                  NULL::uuid AS group_id, NULL::text AS group_name
           FROM grants
           WHERE tenant_id = $1 AND principal = $2 AND effect = 'allow' AND LEAST(revoked_at, expires_at) <= $3
           ORDER BY id DESC LIMIT $4"#,
        tx.tenant().0,
        principal.to_string(),
        at,
        MOST_ENDED
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(effective::store::assemble(rows, roles))
}

/// What groups had that could have been joined.
pub async fn of_groups(tx: &mut TenantTx, at: DateTime<Utc>, roles: &HashMap<Uuid, Held>) -> sqlx::Result<Vec<Grant>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT g.principal AS holder, g.id, g.effect AS "effect: Effect", g.role_id, g.permission, g.expires_at,
                  gr.id AS "group_id?", gr.name AS "group_name?"
           FROM groups gr JOIN grants g ON g.tenant_id = $1 AND g.principal = 'group:' || gr.id
           WHERE gr.tenant_id = $1 AND g.effect = 'allow' AND g.granted_at <= $2
             AND (g.revoked_at IS NULL OR g.revoked_at > $2) AND (g.expires_at IS NULL OR g.expires_at > $2)
           ORDER BY gr.name LIMIT $3"#,
        tx.tenant().0,
        at,
        MOST_OF_GROUPS
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(effective::store::assemble(rows, roles))
}
