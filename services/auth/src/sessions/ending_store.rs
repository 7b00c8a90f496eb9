//! SQL of sessions that end all at once, in every tenant of a person.

use super::model::{EndReason, IDLE};
use chrono::{DateTime, Utc};
use common::db::CrossTenantTx;
use contracts::id::{SessionId, TenantId, UserId};
use uuid::Uuid;

/// Sessions of a user that ended all at once.
#[derive(Clone, Debug)]
pub struct Ending {
    pub id: Uuid,
    pub user_id: UserId,
    pub ended_at: DateTime<Utc>,
}

/// Those that are alive: the rows of others may be many. Waits for those who refresh one of them. Gives how many, of
/// each tenant.
pub(super) async fn end(
    tx: &mut CrossTenantTx,
    ending: &Ending,
    kept: Option<SessionId>,
    reason: EndReason,
) -> sqlx::Result<Vec<(TenantId, i64)>> {
    // First: whoever exchanges a code of such a sign-in has either begun the session, which is then found, or finds it ended.
    sqlx::query!(
        "UPDATE sign_ins SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL
         AND id IS DISTINCT FROM (SELECT sign_in_id FROM sessions WHERE id = $3)",
        ending.user_id.0,
        ending.ended_at,
        kept.map(|session| session.0)
    )
    .execute(&mut **tx)
    .await?;
    let ended = sqlx::query!(
        r#"WITH ended AS (
             UPDATE sessions SET ended_at = $2, end_reason = $3
             WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 AND last_used_at > $5
               AND ($4::uuid IS NULL OR id <> $4)
             RETURNING tenant_id
           )
           SELECT tenant_id, count(*) AS "many!" FROM ended GROUP BY tenant_id"#,
        ending.user_id.0,
        ending.ended_at,
        reason as EndReason,
        kept.map(|session| session.0),
        ending.ended_at - IDLE
    );
    Ok(ended.fetch_all(&mut **tx).await?.into_iter().map(|row| (TenantId(row.tenant_id), row.many)).collect())
}

/// Ends one session of the user, in whichever tenant it acts; gives that, and whether it was alive until now.
pub(super) async fn end_one(
    tx: &mut CrossTenantTx,
    user: UserId,
    session: SessionId,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<(TenantId, bool)>> {
    let ended = sqlx::query!(
        r#"WITH found AS (SELECT id, ended_at FROM sessions WHERE id = $1 AND user_id = $2 FOR NO KEY UPDATE)
           UPDATE sessions s SET ended_at = coalesce(found.ended_at, $3), end_reason = coalesce(s.end_reason, $4)
           FROM found WHERE s.id = found.id RETURNING s.tenant_id, found.ended_at IS NULL AS "lived!""#,
        session.0,
        user.0,
        now,
        EndReason::LoggedOut as EndReason
    );
    Ok(ended.fetch_optional(&mut **tx).await?.map(|row| (TenantId(row.tenant_id), row.lived)))
}

pub(super) async fn note(tx: &mut CrossTenantTx, ending: &Ending) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO session_endings (id, user_id, ended_at) VALUES ($1, $2, $3)",
        ending.id,
        ending.user_id.0,
        ending.ended_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What ended since then.
pub(super) async fn ended(
    tx: &mut CrossTenantTx,
    user: UserId,
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<(TenantId, SessionId)>> {
    let rows = sqlx::query!("SELECT tenant_id, id FROM sessions WHERE user_id = $1 AND ended_at >= $2", user.0, since);
    Ok(rows.fetch_all(&mut **tx).await?.into_iter().map(|row| (TenantId(row.tenant_id), SessionId(row.id))).collect())
}

pub(super) async fn forget(tx: &mut CrossTenantTx, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM session_endings WHERE id = $1", id).execute(&mut **tx).await?;
    Ok(())
}

/// The oldest first.
pub(super) async fn older_than(
    tx: &mut CrossTenantTx,
    ended_before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Ending>> {
    let rows = sqlx::query!(
        "SELECT id, user_id, ended_at FROM session_endings WHERE ended_at < $1 ORDER BY ended_at LIMIT $2",
        ended_before,
        limit
    );
    let rows = rows.fetch_all(&mut **tx).await?.into_iter();
    Ok(rows.map(|row| Ending { id: row.id, user_id: UserId(row.user_id), ended_at: row.ended_at }).collect())
}
