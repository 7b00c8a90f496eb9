//! SQL of the audit; the database links each entry to the one before and refuses to change any.

use crate::instant;
use chrono::{DateTime, Utc};
use common::{ambient::Ambient, db::TenantTx, page::PageRequest};
use contracts::id::{Principal, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Stands for a tenant in the chain of the registry's changes.
pub const REGISTRY: TenantId = TenantId(Uuid::nil());

#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// The version that the change made; there are no gaps.
    pub version: i64,
    pub at: DateTime<Utc>,
    pub actor: String,
    #[schema(example = "grant.created")]
    pub action: String,
    pub target: String,
    /// From where: request, session, client and address, as far as they are known.
    #[schema(value_type = Object)]
    pub origin: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
    /// SHA-256 over this entry and the hash of the one before, in hexadecimal digits.
    pub hash: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// Who did it: `user:<uuid>` or `client:<id>`.
    pub actor: Option<String>,
    /// What was done: `grant.created`, `grant.denied`, `grant.revoked`, `role.created`, `role.edited`, `role.deleted`,
    /// `group.created`, `group.deleted`, `group.joined`, `group.left`, `catalog.changed`.
    pub action: Option<String>,
    /// What it was done to: `grant:<id>`, `role:<id>`, `group:<id>`, `namespace:<name>`.
    pub target: Option<String>,
    /// Whom or what it is about: a principal, role or permission named in the entry's states before or after.
    pub about: Option<String>,
    /// From this instant on.
    #[serde(default, deserialize_with = "instant::optional")]
    pub since: Option<DateTime<Utc>>,
    /// Before this instant.
    #[serde(default, deserialize_with = "instant::optional")]
    pub until: Option<DateTime<Utc>>,
}

/// Whether the chain of hashes is whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct Verdict {
    pub whole: bool,
    /// Entries that there must be.
    pub version: i64,
    /// The first entry that is missing, was changed, or does not follow the one before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<i64>,
}

/// One change to be written down.
pub struct Entry<'a> {
    pub action: &'a str,
    pub target: &'a str,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub actor: &'a Principal,
    pub origin: &'a Value,
}

/// Counts the tenant's version up and appends the entry under it; gives the version. It takes the tenant's lock.
pub async fn append(tx: &mut TenantTx, ambient: &Ambient, entry: &Entry<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "WITH next AS (UPDATE tenants SET version = version + 1 WHERE id = $1 RETURNING version)
         INSERT INTO audit (id, tenant_id, version, at, actor, action, target, origin, before, after)
         SELECT $2, $1, next.version, $3, $4, $5, $6, $7, $8, $9 FROM next RETURNING version",
        tx.tenant().0,
        ambient.uuid(),
        ambient.now(),
        entry.actor.to_string(),
        entry.action,
        entry.target,
        entry.origin,
        entry.before,
        entry.after
    )
    .fetch_one(&mut **tx)
    .await
}

/// Writes down a change that a message of auth brought about.
pub async fn append_of_auth(
    tx: &mut TenantTx,
    ambient: &Ambient,
    action: &str,
    target: &str,
    before: Option<Value>,
    after: Option<Value>,
) -> sqlx::Result<()> {
    let (actor, origin) = (&Principal::Client("auth".into()), &json!({"client_id": "auth"}));
    append(tx, ambient, &Entry { action, target, before, after, actor, origin }).await.map(drop)
}

/// Appends to the registry's chain, whose writers wait for each other here.
pub async fn append_to_registry(conn: &mut PgConnection, ambient: &Ambient, entry: &Entry<'_>) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('audit of the registry'))").execute(&mut *conn).await?;
    sqlx::query!(
        "INSERT INTO audit (id, tenant_id, version, at, actor, action, target, origin, before, after)
         SELECT $1, $2, COALESCE(max(version), 0) + 1, $3, $4, $5, $6, $7, $8, $9 FROM audit WHERE tenant_id = $2",
        ambient.uuid(),
        REGISTRY.0,
        ambient.now(),
        entry.actor.to_string(),
        entry.action,
        entry.target,
        entry.origin,
        entry.before,
        entry.after
    )
    .execute(conn)
    .await
    .map(drop)
}

/// In the order of versions, which is that of the commits: a reader who follows the cursor misses none that is
/// committed later.
pub async fn page(tx: &mut TenantTx, filter: &AuditFilter, request: PageRequest<i64>) -> sqlx::Result<Vec<AuditEntry>> {
    sqlx::query_as!(
        AuditEntry,
        r#"SELECT version, at, actor, action, target, origin, before, after, encode(hash, 'hex') AS "hash!" FROM audit
           WHERE tenant_id = $1 AND version > $2
             AND ($3::text IS NULL OR actor = $3) AND ($4::text IS NULL OR action = $4) AND ($5::text IS NULL
             OR target = $5)
             AND ($6::timestamptz IS NULL OR at >= $6) AND ($7::timestamptz IS NULL OR at < $7)
             AND ($8::text IS NULL OR $8
             IN (before->>'principal', after->>'principal', before->>'role', after->>'role', before->>'name',
                                            after->>'name', before->>'permission', after->>'permission'))
           ORDER BY version LIMIT $9"#,
        tx.tenant().0,
        request.after,
        filter.actor,
        filter.action,
        filter.target,
        filter.since,
        filter.until,
        filter.about,
        request.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}

/// Recomputes every hash of the chain, up to the version that the tenant is at: also an entry cut off at the end is
/// missed.
pub async fn verify(tx: &mut TenantTx) -> sqlx::Result<Verdict> {
    let row = sqlx::query!(
        r#"WITH head AS (
               SELECT COALESCE((SELECT version FROM tenants WHERE id = $1), (SELECT max(version) FROM audit
               WHERE tenant_id = $1), 0) AS version
           )
           SELECT version AS "version!", audit_broken_at($1, version) AS broken_at FROM head"#,
        tx.tenant().0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Verdict { whole: row.broken_at.is_none(), version: row.version, broken_at: row.broken_at })
}
