//! SQL of the registry.

use super::model::Plan;
use crate::stamps;
use audit::Entry;
use chrono::{DateTime, Utc};
use common::{
    ambient::Ambient,
    db::{CrossTenantTx, from_text},
    page::PageRequest,
    problem::Problem,
};
use contracts::{
    id::Principal,
    manifest::{PermissionEntry, Scope},
};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

/// How a namespace came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Registered,
    Published,
}

impl Origin {
    const fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Published => "published",
        }
    }
}

/// A namespace belongs to whoever had it first.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    #[error("the namespace belongs to another")]
    Foreign,
    #[error("the namespace cannot be read")]
    Database(#[from] sqlx::Error),
}

impl From<NotTaken> for Problem {
    fn from(error: NotTaken) -> Self {
        match error {
            NotTaken::Foreign => Self::conflict("namespace_taken", "The namespace belongs to another service."),
            NotTaken::Database(error) => error.into(),
        }
    }
}

struct Row {
    id: Uuid,
    name: String,
    text: String,
    dangerous: bool,
    scope: String,
    roles: Vec<String>,
    deprecated: bool,
}

impl Row {
    fn entry(self) -> sqlx::Result<PermissionEntry> {
        let Self { name, text, dangerous, scope, roles, deprecated, .. } = self;
        Ok(PermissionEntry { name, text, dangerous, scope: from_text(&scope)?, roles, deprecated })
    }
}

/// The columns of a [`Row`] that is not removed.
macro_rules! permissions {
    ($rest:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            Row,
            "SELECT id, name, text, dangerous, scope, roles, deprecated FROM permissions
             WHERE removed_at IS NULL" + $rest
            $(, $argument)*
        )
    };
}

/// Every permission there is.
pub async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<PermissionEntry>> {
    permissions!("").fetch_all(conn).await?.into_iter().map(Row::entry).collect()
}

pub async fn of_namespace(conn: &mut PgConnection, namespace: &str) -> sqlx::Result<Vec<PermissionEntry>> {
    permissions!(" AND namespace = $1", namespace).fetch_all(conn).await?.into_iter().map(Row::entry).collect()
}

pub async fn page(conn: &mut PgConnection, request: PageRequest) -> sqlx::Result<Vec<(Uuid, PermissionEntry)>> {
    let page = permissions!(" AND id > $1 ORDER BY id LIMIT $2", request.after, request.fetch());
    page.fetch_all(conn).await?.into_iter().map(|row| Ok((row.id, row.entry()?))).collect()
}

/// Those of `names` that are no permissions. The others stay ones until the transaction ends.
pub async fn unknown(conn: &mut PgConnection, names: &[String]) -> sqlx::Result<Vec<String>> {
    let known = sqlx::query_scalar!(
        "SELECT name FROM permissions WHERE name = ANY($1) AND removed_at IS NULL ORDER BY name FOR SHARE",
        names
    )
    .fetch_all(conn)
    .await?;
    Ok(names.iter().filter(|name| !known.contains(name)).cloned().collect())
}

/// Those of `names` that are no namespaces.
pub async fn unknown_namespaces(conn: &mut PgConnection, names: &[String]) -> sqlx::Result<Vec<String>> {
    let known = sqlx::query_scalar!("SELECT name FROM namespaces WHERE name = ANY($1)", names).fetch_all(conn).await?;
    Ok(names.iter().filter(|name| !known.contains(name)).cloned().collect())
}

/// Takes the namespace for its first comer and locks it; gives the newest version that was published in it.
pub async fn take_namespace(conn: &mut PgConnection, name: &str, origin: Origin) -> Result<Option<String>, NotTaken> {
    sqlx::query!("INSERT INTO namespaces (name, origin) VALUES ($1, $2) ON CONFLICT DO NOTHING", name, origin.name())
        .execute(&mut *conn)
        .await?;
    let row =
        sqlx::query!("SELECT origin, version FROM namespaces WHERE name = $1 FOR UPDATE", name).fetch_one(conn).await?;
    if row.origin == origin.name() { Ok(row.version) } else { Err(NotTaken::Foreign) }
}

pub async fn set_version(conn: &mut PgConnection, namespace: &str, version: &str) -> sqlx::Result<()> {
    sqlx::query!("UPDATE namespaces SET version = $2 WHERE name = $1", namespace, version).execute(conn).await?;
    Ok(())
}

fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Tenant => "tenant",
        Scope::Platform => "platform",
    }
}

/// Carries out the plan, and makes every tenant's records invalid if anybody's permissions change by it.
pub async fn apply(tx: &mut CrossTenantTx, ambient: &Ambient, namespace: &str, plan: &Plan) -> sqlx::Result<()> {
    let now = ambient.now();
    for entry in &plan.written {
        sqlx::query!(
            "INSERT INTO permissions (id, name, namespace, text, dangerous, scope, roles, deprecated)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT ON CONSTRAINT permissions_name
             DO UPDATE SET text = $4, dangerous = $5, scope = $6, roles = $7, deprecated = $8, removed_at = NULL",
            ambient.uuid(),
            entry.name,
            namespace,
            entry.text,
            entry.dangerous,
            scope_name(entry.scope),
            &entry.roles,
            entry.deprecated
        )
        .execute(&mut **tx)
        .await?;
    }
    sqlx::query!("UPDATE permissions SET removed_at = $2 WHERE name = ANY($1)", &plan.removed, now)
        .execute(&mut **tx)
        .await?;
    keep_versions(tx, plan, now).await?;
    record(tx, namespace, plan);
    if plan.affects_access {
        stamps::store::invalidate_all_tenants(tx).await?;
    }
    Ok(())
}

/// Writes down what changed: the service of that name registered or published it.
fn record(tx: &mut CrossTenantTx, namespace: &str, plan: &Plan) {
    if plan.written.is_empty() && plan.removed.is_empty() {
        return;
    }
    let (before, after) =
        (json!({"permissions": plan.replaced, "removed": plan.removed}), json!({"permissions": plan.written}));
    let entry = Entry::new("catalog.changed", format!("namespace:{namespace}")).before(before).after(after);
    audit::note_of_platform(tx, entry.by(Principal::Client(namespace.to_owned())));
}

/// The state that the plan brought about, for whoever asks about an instant of the past.
async fn keep_versions(conn: &mut PgConnection, plan: &Plan, now: DateTime<Utc>) -> sqlx::Result<()> {
    let changed: Vec<String> =
        plan.written.iter().map(|entry| entry.name.clone()).chain(plan.removed.iter().cloned()).collect();
    sqlx::query!(
        "INSERT INTO permission_versions (name, since, dangerous, scope, roles, removed)
         SELECT name, $2, dangerous, scope, roles, removed_at IS NOT NULL FROM permissions WHERE name = ANY($1)
         ON CONFLICT (name, since) DO UPDATE
         SET dangerous = excluded.dangerous, scope = excluded.scope, roles = excluded.roles,
         removed = excluded.removed",
        &changed,
        now
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Those of `names` that a living grant or a role of any tenant names.
pub async fn still_named(tx: &mut CrossTenantTx, names: &[String], now: DateTime<Utc>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT permission AS "name!" FROM grants
           WHERE permission = ANY($1) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
           UNION
           SELECT p.pattern FROM role_permissions p JOIN roles r ON r.id = p.role_id WHERE p.pattern = ANY($1)
           AND r.deleted_at IS NULL
           ORDER BY 1"#,
        names,
        now
    )
    .fetch_all(&mut **tx)
    .await
}
