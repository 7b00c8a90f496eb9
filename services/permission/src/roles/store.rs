//! SQL of roles; every statement carries the tenant, built-in roles have none.

use super::{
    graph::{DEEPEST, Graph, Node},
    model::ValidRole,
};
use crate::effective::model::{Held, Role as Holds};
use chrono::{DateTime, Utc};
use common::{db::TenantTx, page::PageRequest};
use contracts::messages::TenantKind;
use serde::Serialize;
use sqlx::PgConnection;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Role {
    pub id: Uuid,
    #[schema(example = "accountant")]
    pub name: String,
    /// Every tenant has it, and nobody edits it; what it holds is a rule.
    pub built_in: bool,
    /// Names, or `forum.*` for all of a namespace except what is dangerous. Empty for built-in roles.
    #[schema(example = json!(["billing.*"]))]
    pub permissions: Vec<String>,
    /// Names of the roles that it includes.
    #[schema(example = json!(["member"]))]
    pub includes: Vec<String>,
    /// Counts the edits of the role; its `ETag`.
    pub revision: i32,
    pub created_at: DateTime<Utc>,
}

/// The columns of a [`Role`] that the tenant (`$1`) sees; `operator` means something only in tenants of kind platform.
macro_rules! roles {
    ($rest:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Role,
            r#"SELECT r.id, r.name, (r.tenant_id IS NULL) AS "built_in!", r.revision, r.created_at,
                      ARRAY(SELECT p.pattern FROM role_permissions p WHERE p.role_id = r.id
                      ORDER BY p.pattern COLLATE "C") AS "permissions!",
                      ARRAY(SELECT i.name FROM role_includes ri JOIN roles i ON i.id = ri.included_id
                            WHERE ri.role_id = r.id ORDER BY i.name COLLATE "C") AS "includes!"
               FROM roles r
               WHERE (r.tenant_id = $1 OR r.tenant_id IS NULL) AND r.deleted_at IS NULL
                 AND (r.name <> 'operator' OR EXISTS (SELECT FROM tenants t WHERE t.id = $1 AND t.kind = 'platform'))
                 AND "# + $rest,
            $($argument),+
        )
    };
}

/// The tenant's own and the built-in roles.
pub async fn page(tx: &mut TenantTx, request: PageRequest) -> sqlx::Result<Vec<Role>> {
    let page = roles!("r.id > $2 ORDER BY r.id LIMIT $3", tx.tenant().0, request.after, request.fetch());
    page.fetch_all(&mut **tx).await
}

/// The role of this id, if [`page`] shows it to the tenant.
pub async fn get(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<Option<Role>> {
    roles!("r.id = $2", tx.tenant().0, id).fetch_optional(&mut **tx).await
}

/// Ids of the roles that the tenant knows under these names.
pub async fn ids(tx: &mut TenantTx, kind: TenantKind, names: &[String]) -> sqlx::Result<BTreeMap<String, Uuid>> {
    let rows = sqlx::query!(
        "SELECT id, name FROM roles
         WHERE (tenant_id = $1 OR tenant_id IS NULL) AND deleted_at IS NULL AND name = ANY($2)
         AND (name <> 'operator' OR $3)",
        tx.tenant().0,
        names,
        kind == TenantKind::Platform
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.id)).collect())
}

/// Which of the tenant's own roles includes which.
pub async fn graph(tx: &mut TenantTx) -> sqlx::Result<Graph> {
    let rows = sqlx::query!(
        r#"SELECT r.id, r.name, ARRAY(SELECT i.included_id FROM role_includes i WHERE i.role_id = r.id) AS "includes!"
           FROM roles r WHERE r.tenant_id = $1 AND r.deleted_at IS NULL"#,
        tx.tenant().0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(Graph(
        rows.into_iter()
            .map(|row| (row.id, Node { name: row.name, includes: row.includes.into_iter().collect() }))
            .collect(),
    ))
}

/// What each of the roles holds, with all that it includes.
pub async fn reachable(tx: &mut TenantTx, ids: &[Uuid]) -> sqlx::Result<HashMap<Uuid, Held>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query_as!(
        Content,
        r#"WITH RECURSIVE reached (id, depth) AS (
               SELECT DISTINCT given, 1 FROM unnest($2::uuid[]) AS given
               UNION
               SELECT i.included_id, reached.depth + 1 FROM reached JOIN role_includes i ON i.role_id = reached.id
               WHERE reached.depth <= $3
           )
           SELECT r.id, r.name, (r.tenant_id IS NULL) AS "built_in!",
                  ARRAY(SELECT p.pattern FROM role_permissions p WHERE p.role_id = r.id) AS "permissions!",
                  ARRAY(SELECT i.included_id FROM role_includes i WHERE i.role_id = r.id) AS "includes!"
           FROM roles r WHERE r.id IN (SELECT id FROM reached) AND (r.tenant_id = $1 OR r.tenant_id IS NULL)"#,
        tx.tenant().0,
        ids,
        DEEPEST as i32
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(assemble(rows))
}

/// A role's row, as far as it says what the role holds.
pub struct Content {
    pub id: Uuid,
    pub name: String,
    pub built_in: bool,
    pub permissions: Vec<String>,
    pub includes: Vec<Uuid>,
}

/// Each role with all that it includes, if that is among the rows.
pub fn assemble(rows: Vec<Content>) -> HashMap<Uuid, Held> {
    let rows: HashMap<Uuid, Content> = rows.into_iter().map(|row| (row.id, row)).collect();
    let mut assembled = HashMap::new();
    for id in rows.keys() {
        held(*id, &rows, DEEPEST + 1, &mut assembled);
    }
    assembled
}

/// `depth` ends it for rows that no check has seen; one more than roles may be deep, for the built-in role below them.
fn held(id: Uuid, rows: &HashMap<Uuid, Content>, depth: usize, assembled: &mut HashMap<Uuid, Held>) -> Option<Held> {
    if let Some(known) = assembled.get(&id) {
        return Some(known.clone());
    }
    let row = rows.get(&id).filter(|_| depth > 0)?;
    let built_in = Held::built_in(&row.name).filter(|_| row.built_in);
    let held = built_in.unwrap_or_else(|| {
        let patterns = row.permissions.iter().filter_map(|text| text.parse().ok()).collect();
        let includes = row.includes.iter().filter_map(|included| held(*included, rows, depth - 1, assembled)).collect();
        Held::Role(Arc::new(Holds { name: row.name.clone(), patterns, includes }))
    });
    assembled.insert(id, held.clone());
    Some(held)
}

pub async fn count(tx: &mut TenantTx) -> sqlx::Result<i64> {
    let query = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM roles WHERE tenant_id = $1 AND deleted_at IS NULL"#,
        tx.tenant().0
    );
    query.fetch_one(&mut **tx).await
}

/// Stores the role, without what it holds; a name that the tenant already uses violates `roles_name`.
pub async fn insert(tx: &mut TenantTx, id: Uuid, name: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    let tenant = tx.tenant().0;
    sqlx::query!("INSERT INTO roles (id, tenant_id, name, created_at) VALUES ($1, $2, $3, $4)", id, tenant, name, now)
        .execute(&mut **tx)
        .await
        .map(drop)
}

pub async fn rename(tx: &mut TenantTx, id: Uuid, name: &str) -> sqlx::Result<()> {
    let rename = sqlx::query!(
        "UPDATE roles SET name = $3, revision = revision + 1 WHERE tenant_id = $1 AND id = $2",
        tx.tenant().0,
        id,
        name
    );
    rename.execute(&mut **tx).await.map(drop)
}

/// Makes this what the role holds, and keeps it as a version of the role.
pub async fn set_content(
    conn: &mut PgConnection,
    id: Uuid,
    role: &ValidRole,
    includes: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let permissions: Vec<String> = role.patterns.iter().map(ToString::to_string).collect();
    sqlx::query!("DELETE FROM role_permissions WHERE role_id = $1", id).execute(&mut *conn).await?;
    sqlx::query!("DELETE FROM role_includes WHERE role_id = $1", id).execute(&mut *conn).await?;
    sqlx::query!("INSERT INTO role_permissions (role_id, pattern) SELECT $1, unnest($2::text[])", id, &permissions)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("INSERT INTO role_includes (role_id, included_id) SELECT $1, unnest($2::uuid[])", id, includes)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "INSERT INTO role_versions (role_id, revision, name, permissions, includes, since)
         SELECT id, revision, name, $2, $3, $4 FROM roles WHERE id = $1",
        id,
        &permissions,
        includes,
        now
    )
    .execute(conn)
    .await
    .map(drop)
}

pub async fn delete(tx: &mut TenantTx, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE roles SET deleted_at = $3 WHERE tenant_id = $1 AND id = $2", tx.tenant().0, id, now)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("DELETE FROM role_includes WHERE role_id = $1", id).execute(&mut **tx).await?;
    Ok(())
}

/// How many living grants give or deny the role.
pub async fn grants(tx: &mut TenantTx, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM grants
           WHERE tenant_id = $1 AND role_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)"#,
        tx.tenant().0,
        id,
        now
    )
    .fetch_one(&mut **tx)
    .await
}

/// Whether a living grant denies one of the roles.
pub async fn is_denied(tx: &mut TenantTx, ids: &[Uuid], now: DateTime<Utc>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM grants WHERE tenant_id = $1 AND role_id = ANY($2) AND effect = 'deny'
               AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)) AS "denied!""#,
        tx.tenant().0,
        ids,
        now
    )
    .fetch_one(&mut **tx)
    .await
}

/// Names of the roles that include this one.
pub async fn including(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT r.name FROM role_includes i JOIN roles r ON r.id = i.role_id
         WHERE i.included_id = $2 AND r.tenant_id = $1 AND r.deleted_at IS NULL ORDER BY r.name",
        tx.tenant().0,
        id
    )
    .fetch_all(&mut **tx)
    .await
}
