//! SQL of removals and of what they end. Every statement carries the tenant.

use crate::sessions::model::EndReason;
use chrono::{DateTime, Utc};
use common::db::{CrossTenantTx, TenantTx};
use contracts::id::{Principal, SessionId, TenantId, UserId};
use uuid::Uuid;

/// A removal that is not complete.
pub struct Removal {
    pub membership_id: Uuid,
    pub tenant_id: TenantId,
    pub user_id: UserId,
    pub removed_by: String,
}

/// How much of a member's ended.
pub struct EndedSessions {
    pub sessions: u64,
    /// Of the member to apps.
    pub consents: u64,
}

/// How much else of a member's ended.
pub struct EndedAccess {
    pub api_keys: u64,
    pub invitations: u64,
}

/// Notes that the member is to be removed, or finds the removal that is under way: the present membership's before one
/// of the past. `None` if there is neither.
pub async fn note(
    tx: &mut TenantTx,
    user: UserId,
    by: &Principal,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Removal>> {
    sqlx::query!(
        "INSERT INTO removals (membership_id, tenant_id, user_id, removed_by, asked_at)
         SELECT id, tenant_id, user_id, $3, $4 FROM memberships WHERE tenant_id = $1 AND user_id = $2
         ON CONFLICT DO NOTHING",
        tx.tenant().0,
        user.0,
        by.to_string(),
        now
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query_as!(
        Removal,
        "SELECT membership_id, tenant_id, user_id, removed_by FROM removals WHERE tenant_id = $1 AND user_id = $2
         ORDER BY EXISTS (SELECT FROM memberships m WHERE m.tenant_id = $1 AND m.id = membership_id) DESC LIMIT 1",
        tx.tenant().0,
        user.0
    )
    .fetch_optional(&mut **tx)
    .await
}

/// Of all tenants, the oldest first.
pub async fn older_than(tx: &mut CrossTenantTx, asked_before: DateTime<Utc>, limit: i64) -> sqlx::Result<Vec<Removal>> {
    sqlx::query_as!(
        Removal,
        "SELECT membership_id, tenant_id, user_id, removed_by FROM removals WHERE asked_at < $1 ORDER BY asked_at
         LIMIT $2",
        asked_before,
        limit
    )
    .fetch_all(&mut **tx)
    .await
}

pub async fn count(tx: &mut CrossTenantTx) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM removals"#).fetch_one(&mut **tx).await
}

pub async fn forget(tx: &mut TenantTx, membership: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM removals WHERE tenant_id = $1 AND membership_id = $2", tx.tenant().0, membership)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// `false` if the user is no member; else whoever removes them waits for us.
pub async fn lock_member(tx: &mut TenantTx, user: UserId) -> sqlx::Result<bool> {
    let member = sqlx::query_scalar!(
        "SELECT id FROM memberships WHERE tenant_id = $1 AND user_id = $2 FOR KEY SHARE",
        tx.tenant().0,
        user.0
    );
    Ok(member.fetch_optional(&mut **tx).await?.is_some())
}

/// `false` if it had ended before. Waits for those who begin a session or make a key by it, so that what comes next in
/// the transaction sees these.
pub async fn end_membership(tx: &mut TenantTx, membership: Uuid) -> sqlx::Result<bool> {
    let ended = sqlx::query!("DELETE FROM memberships WHERE tenant_id = $1 AND id = $2", tx.tenant().0, membership)
        .execute(&mut **tx)
        .await?;
    Ok(ended.rows_affected() == 1)
}

/// From now on no session comes in from another tenant that began before.
pub async fn refuse_sessions_before(tx: &mut TenantTx, user: UserId, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE memberships SET sessions_since = $3 WHERE tenant_id = $1 AND user_id = $2",
        tx.tenant().0,
        user.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn end_sessions(
    tx: &mut TenantTx,
    user: UserId,
    reason: EndReason,
    now: DateTime<Utc>,
) -> sqlx::Result<EndedSessions> {
    let sessions = sqlx::query!(
        "UPDATE sessions SET ended_at = $4, end_reason = $3 WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL",
        tx.tenant().0,
        user.0,
        reason as EndReason,
        now
    )
    .execute(&mut **tx)
    .await?;
    // No app goes on by itself: codes under way are void, and the member is asked again.
    let consents = sqlx::query!("DELETE FROM consents WHERE tenant_id = $1 AND user_id = $2", tx.tenant().0, user.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query!(
        "DELETE FROM authorization_codes WHERE tenant_id = $1 AND user_id = $2 AND session_id IS NULL",
        tx.tenant().0,
        user.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(EndedSessions { sessions: sessions.rows_affected(), consents: consents.rows_affected() })
}

/// Revokes the member's keys, and ends invitations: neither a link that they sent, maybe to themselves, nor one that
/// they got brings them back. The rows stay: they count towards the limits.
pub async fn end_keys_and_invitations(
    tx: &mut TenantTx,
    user: UserId,
    now: DateTime<Utc>,
) -> sqlx::Result<EndedAccess> {
    let api_keys = sqlx::query!(
        "UPDATE api_keys SET revoked_at = $3 WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL",
        tx.tenant().0,
        user.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    let invitations = sqlx::query!(
        "UPDATE invitations SET ended_at = $3, mail_waits = false
         WHERE tenant_id = $1 AND used_at IS NULL AND ended_at IS NULL
           AND (invited_by = $2 OR email = (SELECT email FROM users WHERE id = $2))",
        tx.tenant().0,
        user.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(EndedAccess { api_keys: api_keys.rows_affected(), invitations: invitations.rows_affected() })
}

/// Ids of the member's sessions and keys that ended at `since` or later: their tokens may be known to Redis.
pub async fn ended_since(tx: &mut TenantTx, user: UserId, since: DateTime<Utc>) -> sqlx::Result<Vec<SessionId>> {
    let ended = sqlx::query_scalar!(
        r#"SELECT id AS "id!" FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND ended_at >= $3
           UNION ALL SELECT id FROM api_keys WHERE tenant_id = $1 AND user_id = $2 AND revoked_at >= $3"#,
        tx.tenant().0,
        user.0,
        since
    );
    Ok(ended.fetch_all(&mut **tx).await?.into_iter().map(SessionId).collect())
}
