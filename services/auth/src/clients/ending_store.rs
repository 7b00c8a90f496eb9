//! SQL of sessions that end with their app.

use crate::sessions::model::{EndReason, IDLE};
use chrono::{DateTime, Utc};
use common::db::CrossTenantTx;
use contracts::id::{ClientId, SessionId, TenantId};

/// Sessions a statement.
const BATCH: i64 = 500;

/// Ends some of those that are alive.
pub async fn end(
    tx: &mut CrossTenantTx,
    client: ClientId,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<(TenantId, SessionId)>> {
    let rows = sqlx::query!(
        "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id IN (SELECT id FROM sessions
           WHERE client_id = $1 AND ended_at IS NULL AND expires_at > $2 AND last_used_at > $4 LIMIT $5)
         RETURNING tenant_id, id",
        client.0,
        now,
        EndReason::ClientDeleted as EndReason,
        now - IDLE,
        BATCH
    );
    Ok(rows.fetch_all(&mut **tx).await?.into_iter().map(|row| (TenantId(row.tenant_id), SessionId(row.id))).collect())
}

/// What ended since then.
pub async fn ended(
    tx: &mut CrossTenantTx,
    client: ClientId,
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<(TenantId, SessionId)>> {
    let rows =
        sqlx::query!("SELECT tenant_id, id FROM sessions WHERE client_id = $1 AND ended_at >= $2", client.0, since);
    Ok(rows.fetch_all(&mut **tx).await?.into_iter().map(|row| (TenantId(row.tenant_id), SessionId(row.id))).collect())
}
