//! SQL of what decides what a principal may do; read from the primary, each time.

use super::{
    entitlements::{Entitlements, TenantContext},
    model::{Effect, Grant, Held, Source},
    pattern::Pattern,
};
use crate::{grants::grantee::Grantee, registry, roles};
use chrono::{DateTime, Utc};
use common::db::{TenantTx, from_text};
use contracts::{id::Principal, messages::TenantKind};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use uuid::Uuid;

/// A grant as it is stored, by the name of who has it directly or through a group.
pub struct Row {
    pub holder: String,
    pub id: Uuid,
    pub effect: Effect,
    pub role_id: Option<Uuid>,
    pub permission: Option<String>,
    pub expires_at: Option<DateTime<Utc>>,
    pub group_id: Option<Uuid>,
    pub group_name: Option<String>,
}

/// All that decides what the principal may do in the tenant. The rows may be of slightly different instants: a change
/// between two reads ends with new stamps, and what was read before does not count then.
pub async fn read(tx: &mut TenantTx, principal: &Principal) -> sqlx::Result<Entitlements> {
    let name = principal.to_string();
    let (kind, version) = kind_and_version(tx).await?;
    let grants = grants(tx, std::slice::from_ref(&name)).await?.remove(&name).unwrap_or_default();
    let registry = Arc::new(registry::store::all(tx).await?);
    Ok(Entitlements { context: TenantContext { kind, version, registry }, grants })
}

pub async fn context(tx: &mut TenantTx) -> sqlx::Result<TenantContext> {
    let (kind, version) = kind_and_version(tx).await?;
    Ok(TenantContext { kind, version, registry: Arc::new(registry::store::all(tx).await?) })
}

/// Kind of the tenant; of one that is not known yet that of a customer's.
pub async fn kind(tx: &mut TenantTx) -> sqlx::Result<TenantKind> {
    Ok(kind_and_version(tx).await?.0)
}

/// Keeps other writers from the tenant's roles, groups and grants; `None` if it is not known.
pub async fn lock(tx: &mut TenantTx) -> sqlx::Result<Option<(TenantKind, i64)>> {
    let row = sqlx::query!("SELECT kind, version FROM tenants WHERE id = $1 FOR NO KEY UPDATE", tx.tenant().0);
    row.fetch_optional(&mut **tx).await?.map(|row| Ok((from_text(&row.kind)?, row.version))).transpose()
}

/// Of a tenant that is not known yet nothing holds.
async fn kind_and_version(tx: &mut TenantTx) -> sqlx::Result<(TenantKind, i64)> {
    let row = sqlx::query!("SELECT kind, version FROM tenants WHERE id = $1", tx.tenant().0)
        .fetch_optional(&mut **tx)
        .await?;
    row.map_or(Ok((TenantKind::Customer, 0)), |row| Ok((from_text(&row.kind)?, row.version)))
}

/// The grants of each of `names`, which are principals.
pub async fn grants(tx: &mut TenantTx, names: &[String]) -> sqlx::Result<BTreeMap<String, Vec<Grant>>> {
    let rows = rows(tx, names).await?;
    let ids: Vec<Uuid> = rows.iter().filter_map(|row| row.role_id).collect();
    let roles = roles::store::reachable(tx, &ids).await?;
    let mut grants: BTreeMap<String, Vec<Grant>> = names.iter().map(|name| (name.clone(), Vec::new())).collect();
    for (holder, grant) in rows.into_iter().map(|row| row.grant(&roles)) {
        grants.entry(holder).or_default().push(grant);
    }
    Ok(grants)
}

/// What is granted to the grantee itself, be it a group; not what reaches it through groups.
pub async fn direct(tx: &mut TenantTx, grantee: &Grantee) -> sqlx::Result<Vec<Grant>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT principal AS holder, id, effect AS "effect: Effect", role_id, permission, expires_at, NULL::uuid
           AS group_id, NULL::text AS group_name
           FROM grants WHERE tenant_id = $1 AND principal = $2 AND revoked_at IS NULL"#,
        tx.tenant().0,
        grantee.to_string()
    )
    .fetch_all(&mut **tx)
    .await?;
    let ids: Vec<Uuid> = rows.iter().filter_map(|row| row.role_id).collect();
    let roles = roles::store::reachable(tx, &ids).await?;
    Ok(assemble(rows, &roles))
}

/// The grants of the rows, whoever has them.
pub fn assemble(rows: Vec<Row>, roles: &HashMap<Uuid, Held>) -> Vec<Grant> {
    rows.into_iter().map(|row| row.grant(roles).1).collect()
}

impl Row {
    fn grant(self, roles: &HashMap<Uuid, Held>) -> (String, Grant) {
        let nothing = || Held::Patterns(Vec::new());
        let held = match (self.permission, self.role_id) {
            (Some(name), _) => held_by(&[name]),
            (None, role) => role.and_then(|id| roles.get(&id).cloned()).unwrap_or_else(nothing),
        };
        let source = Some(Source { grant: self.id, group: self.group_id.zip(self.group_name) });
        (self.holder, Grant { held, effect: self.effect, expires_at: self.expires_at, source })
    }
}

/// Whether a grant is in force now does not depend on any clock but its own end: another server's may run ahead of
/// ours.
async fn rows(tx: &mut TenantTx, names: &[String]) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"WITH holders AS (
               SELECT name AS holder, name AS principal, NULL::uuid AS group_id FROM unnest($2::text[]) AS name
               UNION ALL
               SELECT principal, 'group:' || group_id, group_id FROM group_members
               WHERE tenant_id = $1 AND principal = ANY($2) AND removed_at IS NULL
           )
           SELECT h.holder AS "holder!", g.id, g.effect AS "effect: Effect", g.role_id, g.permission, g.expires_at,
           h.group_id, gr.name AS "group_name?"
           FROM holders h JOIN grants g ON g.tenant_id = $1 AND g.principal = h.principal AND g.revoked_at IS NULL
           LEFT JOIN groups gr ON gr.tenant_id = $1 AND gr.id = h.group_id"#,
        tx.tenant().0,
        names
    )
    .fetch_all(&mut **tx)
    .await
}

/// Principals who were granted something that is not revoked, directly or by a group, in the order of their bytes.
pub async fn candidates(tx: &mut TenantTx, after: &str, limit: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT principal AS "principal!" FROM (
               SELECT principal FROM grants WHERE tenant_id = $1 AND revoked_at IS NULL AND principal NOT LIKE 'group:%'
               UNION
               SELECT m.principal FROM group_members m WHERE m.tenant_id = $1 AND m.removed_at IS NULL
           ) granted WHERE principal COLLATE "C" > $2 ORDER BY principal COLLATE "C" LIMIT $3"#,
        tx.tenant().0,
        after,
        limit
    )
    .fetch_all(&mut **tx)
    .await
}

/// What the patterns of a row hold; the table's own checks let none in that cannot be read.
pub fn held_by(patterns: &[String]) -> Held {
    Held::Patterns(patterns.iter().filter_map(|text| text.parse::<Pattern>().ok()).collect())
}
