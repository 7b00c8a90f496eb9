//! SQL of grants; every statement carries the tenant.

use super::{grantee::Grantee, model::CreateGrant};
use crate::effective::model::Effect;
use chrono::{DateTime, Utc};
use common::{db::TenantTx, page::PageRequest};
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
    #[serde(skip)]
    pub revoked: bool,
}

/// A grant to be stored.
pub struct NewGrant<'a> {
    pub id: Uuid,
    pub request: &'a CreateGrant,
    pub role_id: Option<Uuid>,
    pub granted_by: &'a Principal,
    pub now: DateTime<Utc>,
}

/// The columns of a [`Grant`] of the tenant (`$1`).
macro_rules! grants {
    ($rest:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Grant,
            r#"SELECT g.id, g.principal, g.effect AS "effect: Effect", r.name AS "role?", g.permission, g.expires_at,
                      g.reason, g.granted_by, g.granted_at, (g.revoked_at IS NOT NULL) AS "revoked!"
               FROM grants g
               LEFT JOIN roles r ON r.id = g.role_id AND (r.tenant_id = g.tenant_id OR r.tenant_id IS NULL)
               WHERE g.tenant_id = $1 AND "# + $rest,
            $($argument),+
        )
    };
}

/// The living grants of the tenant, or of one principal in it.
pub async fn page(
    tx: &mut TenantTx,
    principal: Option<&Grantee>,
    now: DateTime<Utc>,
    request: PageRequest,
) -> sqlx::Result<Vec<Grant>> {
    let page = grants!(
        r#"($2::text IS NULL OR g.principal = $2) AND g.id > $3
             AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > $4)
           ORDER BY g.id LIMIT $5"#,
        tx.tenant().0,
        principal.map(ToString::to_string),
        request.after,
        now,
        request.fetch()
    );
    page.fetch_all(&mut **tx).await
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
pub async fn insert(tx: &mut TenantTx, grant: &NewGrant<'_>) -> sqlx::Result<Grant> {
    close_expired(tx, grant).await?;
    let inserted = sqlx::query_as!(
        Grant,
        r#"INSERT INTO grants (id, tenant_id, principal, role_id, permission, expires_at, reason, granted_by,
           granted_at, effect)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
           RETURNING id, principal, effect AS "effect: Effect", $11::text
           AS role, permission, expires_at, reason, granted_by, granted_at,
                     false AS "revoked!""#,
        grant.id,
        tx.tenant().0,
        grant.request.principal.to_string(),
        grant.role_id,
        grant.request.permission,
        grant.request.expires_at,
        grant.request.reason,
        grant.granted_by.to_string(),
        grant.now,
        grant.request.effect as Effect,
        grant.request.role
    );
    inserted.fetch_one(&mut **tx).await
}

/// An expired grant of the same becomes history, so that it is not in the way of a new one.
async fn close_expired(tx: &mut TenantTx, grant: &NewGrant<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE grants SET revoked_at = expires_at, revoked_by = granted_by
         WHERE tenant_id = $1 AND principal = $2 AND role_id IS NOT DISTINCT FROM $3 AND permission IS NOT DISTINCT
         FROM $4
           AND effect = $6 AND revoked_at IS NULL AND expires_at <= $5",
        tx.tenant().0,
        grant.request.principal.to_string(),
        grant.role_id,
        grant.request.permission,
        grant.now,
        grant.request.effect as Effect
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Gives a user a built-in role without an end; one that they have for a time loses its end. `None` if nothing had to
/// be done.
pub async fn insert_built_in(
    tx: &mut TenantTx,
    id: Uuid,
    principal: &Principal,
    role: &str,
    granted_by: &Principal,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Grant>> {
    let inserted = sqlx::query_as!(
        Grant,
        r#"INSERT INTO grants AS g (id, tenant_id, principal, role_id, granted_by, granted_at)
           SELECT $1, $2, $3, id, $4, $5 FROM roles WHERE tenant_id IS NULL AND name = $6
           ON CONFLICT (tenant_id, principal, role_id, permission, effect) WHERE revoked_at IS NULL
           DO UPDATE SET expires_at = NULL WHERE g.expires_at IS NOT NULL
           RETURNING id, principal, effect AS "effect: Effect", $6
           AS role, permission, expires_at, reason, granted_by, granted_at,
                     false AS "revoked!""#,
        id,
        tx.tenant().0,
        principal.to_string(),
        granted_by.to_string(),
        now,
        role
    );
    inserted.fetch_optional(&mut **tx).await
}

/// A grant of the tenant, also a revoked one.
pub async fn find(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<Option<Grant>> {
    grants!("g.id = $2", tx.tenant().0, id).fetch_optional(&mut **tx).await
}

/// The grant by which a principal itself has a built-in role without an end.
pub async fn for_good(tx: &mut TenantTx, principal: &Principal, role: &str) -> sqlx::Result<Option<Grant>> {
    let grant = grants!(
        "g.principal = $2 AND r.name = $3 AND r.tenant_id IS NULL AND g.effect = 'allow' AND g.revoked_at IS NULL
           AND g.expires_at IS NULL",
        tx.tenant().0,
        principal.to_string(),
        role
    );
    grant.fetch_optional(&mut **tx).await
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
    .await
    .map(drop)
}

/// Revokes all that the grantee was granted or denied itself, expired or not; gives the ids of the grants.
pub async fn revoke_all(
    tx: &mut TenantTx,
    grantee: &Grantee,
    by: &Principal,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Uuid>> {
    let revoked = sqlx::query_scalar!(
        "UPDATE grants SET revoked_at = $4, revoked_by = $3
         WHERE tenant_id = $1 AND principal = $2 AND revoked_at IS NULL RETURNING id",
        tx.tenant().0,
        grantee.to_string(),
        by.to_string(),
        now
    );
    revoked.fetch_all(&mut **tx).await
}

/// Which of `owner` and `operator` a user who exists in the tenant holds without an end, by a grant of their own, and
/// under no denial.
pub async fn held_for_good(tx: &mut TenantTx, now: DateTime<Utc>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT DISTINCT r.name FROM grants g JOIN roles r ON r.id = g.role_id AND r.tenant_id IS NULL
         WHERE g.tenant_id = $1 AND r.name IN ('owner', 'operator') AND g.principal LIKE 'user:%' AND g.effect = 'allow'
           AND g.revoked_at IS NULL AND g.expires_at IS NULL
           AND EXISTS (SELECT FROM principals p WHERE p.tenant_id = $1 AND p.principal = g.principal
           AND p.gone_at IS NULL)
           AND NOT EXISTS (
               SELECT FROM grants d
               WHERE d.tenant_id = $1 AND d.effect = 'deny' AND d.revoked_at IS NULL AND (d.expires_at IS NULL
               OR d.expires_at > $2)
                 AND (d.principal = g.principal OR d.principal IN (
                     SELECT 'group:' || m.group_id FROM group_members m WHERE m.tenant_id = $1
                     AND m.principal = g.principal AND m.removed_at IS NULL)))
         ORDER BY r.name",
        tx.tenant().0,
        now
    )
    .fetch_all(&mut **tx)
    .await
}
