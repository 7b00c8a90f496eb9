//! Which rows are the audit? The database links each to the one before and refuses to change any.

use super::Entry;
use common::ambient::Ambient;
use contracts::id::TenantId;
use sqlx::PgConnection;

/// Counts the tenant's version up and appends the entry under it; gives the version. It takes the tenant's lock.
pub async fn append(conn: &mut PgConnection, tenant: TenantId, ambient: &Ambient, entry: &Entry<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "WITH next AS (UPDATE tenants SET version = version + 1 WHERE id = $1 RETURNING version)
         INSERT INTO audit (id, tenant_id, version, at, actor, action, target, origin, before, after)
         SELECT $2, $1, next.version, $3, $4, $5, $6, $7, $8, $9 FROM next RETURNING version",
        tenant.0,
        ambient.uuid(),
        ambient.now(),
        entry.actor.to_string(),
        entry.action,
        entry.target,
        entry.origin,
        entry.before,
        entry.after
    )
    .fetch_one(conn)
    .await
}
