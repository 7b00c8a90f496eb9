//! SQL of changes of instances, those of their tenants included.

use chrono::{DateTime, Utc};
use common::db::CrossTenantTx;
use contracts::id::InstanceId;

/// A change of an instance, or of its tenant: one of the generations is another at each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    pub host: String,
    pub generation: i64,
    /// Of the tenant's suspension; 0 if it never was suspended.
    pub suspension: i64,
    pub id: InstanceId,
}

/// The last change of each instance that has changed since, or whose tenant has, the oldest first.
pub async fn changed_since(tx: &mut CrossTenantTx, since: DateTime<Utc>) -> sqlx::Result<Vec<Change>> {
    let changes = sqlx::query_as!(
        Change,
        r#"SELECT i.host, i.generation, coalesce(s.generation, 0) AS "suspension!", i.id
           FROM (SELECT id FROM instances WHERE changed_at >= $1
                 UNION
                 SELECT o.id FROM tenant_suspensions t JOIN instances o ON o.tenant_id = t.tenant_id
                 WHERE t.heard_at >= $1 AND o.state NOT IN ('awaiting_proof', 'deleting', 'deleted')) AS changed
           JOIN instances i ON i.id = changed.id LEFT JOIN tenant_suspensions s ON s.tenant_id = i.tenant_id
           ORDER BY greatest(i.changed_at, s.heard_at)"#,
        since
    );
    changes.fetch_all(&mut **tx).await
}
