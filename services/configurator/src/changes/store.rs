//! SQL of changes of instances.

use chrono::{DateTime, Utc};
use common::db::CrossTenantTx;
use contracts::id::InstanceId;

/// A change of an instance: its generation is another at each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub host: String,
    pub generation: i64,
    pub id: InstanceId,
}

/// The last change of each instance that has changed since, the oldest first.
pub async fn changed_since(tx: &mut CrossTenantTx, since: DateTime<Utc>) -> sqlx::Result<Vec<Change>> {
    let changes = sqlx::query_as!(
        Change,
        "SELECT host, generation, id FROM instances WHERE changed_at >= $1 ORDER BY changed_at",
        since
    );
    changes.fetch_all(&mut **tx).await
}
