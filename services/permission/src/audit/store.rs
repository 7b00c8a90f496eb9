//! SQL of the permission service's entries: their version is the tenant's, which checks may demand to be seen.

use audit::{Entry, Record};
use common::db::TenantTx;
use contracts::id::Principal;

/// Counts the tenant's version up and appends the entry under it; gives the version. It takes the tenant's lock.
pub async fn append(tx: &mut TenantTx, entry: Entry) -> sqlx::Result<i64> {
    let Record { id, at, actor, action, target, origin, before, after } = entry.recorded(tx);
    sqlx::query_scalar!(
        "WITH next AS (UPDATE tenants SET version = version + 1 WHERE id = $1 RETURNING version)
         INSERT INTO audit (id, tenant_id, version, at, actor, action, target, origin, before, after)
         SELECT $2, $1, next.version, $3, $4, $5, $6, $7, $8, $9 FROM next RETURNING version",
        tx.tenant().0,
        id,
        at,
        actor,
        action,
        target,
        origin,
        before,
        after
    )
    .fetch_one(&mut **tx)
    .await
}

/// Writes down a change that a message of auth brought about.
pub async fn append_of_auth(tx: &mut TenantTx, entry: Entry) -> sqlx::Result<()> {
    append(tx, entry.by(Principal::Client("auth".into()))).await.map(drop)
}
