//! Which rows are grants? Every statement carries the tenant.

use super::{changes::Wish, grantee::Grantee};
use crate::effective::model::Effect;
use chrono::{DateTime, Utc};
use common::{
    db::{TenantTx, from_text},
    page::PageRequest,
};
use contracts::id::Principal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Grant {
    pub id: Uuid,
    /// `user:<uuid>`, `client:<id>` or `group:<uuid>`.
    #[schema(example = "user:01890a5d-ac96-774b-bcce-b302099a8057")]
    pub principal: String,
    /// Whether it gives or denies.
    pub effect: Effect,
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
    pub wish: &'a Wish,
    pub role_id: Option<Uuid>,
    pub granted_by: &'a Principal,
    pub now: DateTime<Utc>,
}

struct Row {
    id: Uuid,
    principal: String,
    effect: String,
    role: Option<String>,
    permission: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    reason: Option<String>,
    granted_by: String,
    granted_at: DateTime<Utc>,
}

impl TryFrom<Row> for Grant {
    type Error = sqlx::Error;
    fn try_from(row: Row) -> sqlx::Result<Self> {
        let Row { id, principal, effect, role, permission, expires_at, reason, granted_by, granted_at } = row;
        let effect = from_text(&effect)?;
        Ok(Self { id, principal, effect, role, permission, expires_at, reason, granted_by, granted_at })
    }
}

/// The living grants of the tenant, or of one principal in it.
pub async fn page(
    tx: &mut TenantTx,
    principal: Option<&Grantee>,
    now: DateTime<Utc>,
    request: PageRequest,
) -> sqlx::Result<Vec<Grant>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT g.id, g.principal, g.effect, r.name AS "role?", g.permission, g.expires_at, g.reason, g.granted_by, g.granted_at
           FROM grants g LEFT JOIN roles r ON r.id = g.role_id AND (r.tenant_id = g.tenant_id OR r.tenant_id IS NULL)
           WHERE g.tenant_id = $1 AND ($2::text IS NULL OR g.principal = $2) AND g.id > $3
             AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > $4)
           ORDER BY g.id LIMIT $5"#,
        tx.tenant().0,
        principal.map(ToString::to_string),
        request.after,
        now,
        request.fetch()
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Grant::try_from).collect()
}

/// How many grants the grantee has that are not revoked.
pub async fn count(tx: &mut TenantTx, principal: &Grantee) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM grants WHERE tenant_id = $1 AND principal = $2 AND revoked_at IS NULL"#,
        tx.tenant().0,
        principal.to_string()
    )
    .fetch_one(&mut **tx)
    .await
}

/// Stores the grant; one that the principal already has violates `grants_once`.
pub async fn insert(tx: &mut TenantTx, grant: &NewGrant<'_>) -> sqlx::Result<()> {
    close_expired(tx, grant).await?;
    sqlx::query!(
        "INSERT INTO grants (id, tenant_id, principal, role_id, permission, expires_at, reason, granted_by, granted_at, effect)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        grant.id,
        tx.tenant().0,
        grant.wish.principal.to_string(),
        grant.role_id,
        grant.wish.permission,
        grant.wish.expires_at,
        grant.wish.reason,
        grant.granted_by.to_string(),
        grant.now,
        grant.wish.effect.name()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// An expired grant of the same becomes history, so that it is not in the way of a new one.
async fn close_expired(tx: &mut TenantTx, grant: &NewGrant<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE grants SET revoked_at = expires_at, revoked_by = granted_by
         WHERE tenant_id = $1 AND principal = $2 AND role_id IS NOT DISTINCT FROM $3 AND permission IS NOT DISTINCT FROM $4
           AND effect = $6 AND revoked_at IS NULL AND expires_at <= $5",
        tx.tenant().0,
        grant.wish.principal.to_string(),
        grant.role_id,
        grant.wish.permission,
        grant.now,
        grant.wish.effect.name()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Gives a user a built-in role without an end; one that they have for a time loses its end. `None` if nothing had to be done.
pub async fn insert_built_in(tx: &mut TenantTx, grant: &NewGrant<'_>, role: &str) -> sqlx::Result<Option<Grant>> {
    let row = sqlx::query_as!(
        Row,
        r#"INSERT INTO grants AS g (id, tenant_id, principal, role_id, granted_by, granted_at)
           SELECT $1, $2, $3, id, $4, $5 FROM roles WHERE tenant_id IS NULL AND name = $6
           ON CONFLICT (tenant_id, principal, role_id, permission, effect) WHERE revoked_at IS NULL
           DO UPDATE SET expires_at = NULL WHERE g.expires_at IS NOT NULL
           RETURNING id, principal, effect, $6 AS role, permission, expires_at, reason, granted_by, granted_at"#,
        grant.id,
        tx.tenant().0,
        grant.wish.principal.to_string(),
        grant.granted_by.to_string(),
        grant.now,
        role
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(Grant::try_from).transpose()
}

/// A grant of the tenant, and whether it is revoked.
pub async fn find(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<Option<(Grant, bool)>> {
    let row = sqlx::query!(
        r#"SELECT g.id, g.principal, g.effect, r.name AS "role?", g.permission, g.expires_at, g.reason, g.granted_by, g.granted_at,
                  (g.revoked_at IS NOT NULL) AS "revoked!"
           FROM grants g LEFT JOIN roles r ON r.id = g.role_id AND (r.tenant_id = g.tenant_id OR r.tenant_id IS NULL)
           WHERE g.tenant_id = $1 AND g.id = $2"#,
        tx.tenant().0,
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let grant = Grant {
        id: row.id,
        principal: row.principal,
        effect: from_text(&row.effect)?,
        role: row.role,
        permission: row.permission,
        expires_at: row.expires_at,
        reason: row.reason,
        granted_by: row.granted_by,
        granted_at: row.granted_at,
    };
    Ok(Some((grant, row.revoked)))
}

/// Revokes the grant if it is not revoked yet.
pub async fn revoke(tx: &mut TenantTx, id: Uuid, by: &Principal, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE grants SET revoked_at = $4, revoked_by = $3 WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL",
        tx.tenant().0,
        id,
        by.to_string(),
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Which of `owner` and `operator` a user who exists in the tenant holds without an end, by a grant of their own, and under no denial.
pub async fn held_for_good(tx: &mut TenantTx, now: DateTime<Utc>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT DISTINCT r.name FROM grants g JOIN roles r ON r.id = g.role_id AND r.tenant_id IS NULL
         WHERE g.tenant_id = $1 AND r.name IN ('owner', 'operator') AND g.principal LIKE 'user:%' AND g.effect = 'allow'
           AND g.revoked_at IS NULL AND g.expires_at IS NULL
           AND EXISTS (SELECT FROM principals p WHERE p.tenant_id = $1 AND p.principal = g.principal AND p.gone_at IS NULL)
           AND NOT EXISTS (
               SELECT FROM grants d
               WHERE d.tenant_id = $1 AND d.effect = 'deny' AND d.revoked_at IS NULL AND (d.expires_at IS NULL OR d.expires_at > $2)
                 AND (d.principal = g.principal OR d.principal IN (
                     SELECT 'group:' || m.group_id FROM group_members m WHERE m.tenant_id = $1 AND m.principal = g.principal AND m.removed_at IS NULL)))
         ORDER BY r.name",
        tx.tenant().0,
        now
    )
    .fetch_all(&mut **tx)
    .await
}
