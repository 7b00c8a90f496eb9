//! SQL of what ends with a provider.

use crate::sessions::model::EndReason;
use chrono::{DateTime, Utc};
use common::db::TenantTx;
use contracts::id::SessionId;
use uuid::Uuid;

/// Ends its sessions and forgets whom it knows; gives how many there were of each. All at once, however many there are:
/// a session that an interruption left alive could be refreshed.
pub async fn end(tx: &mut TenantTx, provider: Uuid, now: DateTime<Utc>) -> sqlx::Result<(u64, u64)> {
    let identities =
        sqlx::query!("DELETE FROM identities WHERE tenant_id = $1 AND provider_id = $2", tx.tenant().0, provider)
            .execute(&mut **tx)
            .await?
            .rows_affected();
    let sessions = sqlx::query!(
        "UPDATE sessions SET ended_at = $3, end_reason = $4
         WHERE tenant_id = $1 AND identity_provider_id = $2 AND ended_at IS NULL",
        tx.tenant().0,
        provider,
        now,
        EndReason::EndedByTenant as EndReason
    );
    Ok((sessions.execute(&mut **tx).await?.rows_affected(), identities))
}

/// What ended since then.
pub async fn ended(tx: &mut TenantTx, provider: Uuid, since: DateTime<Utc>) -> sqlx::Result<Vec<SessionId>> {
    let ended = sqlx::query_scalar!(
        "SELECT id FROM sessions WHERE tenant_id = $1 AND identity_provider_id = $2 AND ended_at >= $3",
        tx.tenant().0,
        provider,
        since
    );
    Ok(ended.fetch_all(&mut **tx).await?.into_iter().map(SessionId).collect())
}
