//! SQL of sessions that end all at once: a person's in every tenant, an app's, or those of a person in an app.

use super::model::{EndReason, IDLE};
use chrono::{DateTime, Utc};
use common::db::CrossTenantTx;
use contracts::id::{ClientId, SessionId, TenantId, UserId};
use uuid::Uuid;

/// Sessions of an app in one statement.
const BATCH: i64 = 500;

/// Sessions of a user that ended all at once.
#[derive(Clone, Debug)]
pub struct Ending {
    pub id: Uuid,
    pub user_id: UserId,
    pub ended_at: DateTime<Utc>,
}

/// Sessions of a tenant that ended.
struct Many {
    tenant_id: Uuid,
    many: i64,
}

impl From<Many> for (TenantId, i64) {
    fn from(row: Many) -> Self {
        (TenantId(row.tenant_id), row.many)
    }
}

/// A session that ended, and the tenant that it acted in.
struct Ended {
    tenant_id: Uuid,
    id: Uuid,
}

impl From<Ended> for (TenantId, SessionId) {
    fn from(row: Ended) -> Self {
        (TenantId(row.tenant_id), SessionId(row.id))
    }
}

/// Those that are alive: the rows of others may be many. Waits for those who refresh one of them. Gives how many, of
/// each tenant.
pub(super) async fn end(
    tx: &mut CrossTenantTx,
    ending: &Ending,
    kept: Option<SessionId>,
    reason: EndReason,
) -> sqlx::Result<Vec<(TenantId, i64)>> {
    // First: whoever exchanges a code of such a sign-in has begun the session, which is then found, or finds it ended.
    sqlx::query!(
        "UPDATE sign_ins SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL
         AND id IS DISTINCT FROM (SELECT sign_in_id FROM sessions WHERE id = $3)",
        ending.user_id.0,
        ending.ended_at,
        kept.map(|session| session.0)
    )
    .execute(&mut **tx)
    .await?;
    let ended = sqlx::query_as!(
        Many,
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
    Ok(ended.fetch_all(&mut **tx).await?.into_iter().map(Into::into).collect())
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
    let ended = sqlx::query_as!(
        Ended,
        "SELECT tenant_id, id FROM sessions WHERE user_id = $1 AND ended_at >= $2",
        user.0,
        since
    );
    Ok(ended.fetch_all(&mut **tx).await?.into_iter().map(Into::into).collect())
}

/// Ends some of an app's sessions that are alive.
pub async fn end_of_client(
    tx: &mut CrossTenantTx,
    client: ClientId,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<(TenantId, SessionId)>> {
    let ended = sqlx::query_as!(
        Ended,
        "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id IN (SELECT id FROM sessions
           WHERE client_id = $1 AND ended_at IS NULL AND expires_at > $2 AND last_used_at > $4 LIMIT $5)
         RETURNING tenant_id, id",
        client.0,
        now,
        EndReason::ClientDeleted as EndReason,
        now - IDLE,
        BATCH
    );
    Ok(ended.fetch_all(&mut **tx).await?.into_iter().map(Into::into).collect())
}

/// What ended of an app's since then.
pub async fn ended_of_client(
    tx: &mut CrossTenantTx,
    client: ClientId,
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<(TenantId, SessionId)>> {
    let ended = sqlx::query_as!(
        Ended,
        "SELECT tenant_id, id FROM sessions WHERE client_id = $1 AND ended_at >= $2",
        client.0,
        since
    );
    Ok(ended.fetch_all(&mut **tx).await?.into_iter().map(Into::into).collect())
}

/// Ends the sessions that an app has with a person; gives how many, of each tenant.
pub async fn end_of_client_with(
    tx: &mut CrossTenantTx,
    client: ClientId,
    user: UserId,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<(TenantId, i64)>> {
    let ended = sqlx::query_as!(
        Many,
        r#"WITH ended AS (
             UPDATE sessions SET ended_at = $3, end_reason = $4
             WHERE user_id = $1 AND client_id = $2 AND ended_at IS NULL AND expires_at > $3 RETURNING tenant_id
           )
           SELECT tenant_id, count(*) AS "many!" FROM ended GROUP BY tenant_id"#,
        user.0,
        client.0,
        now,
        EndReason::LoggedOut as EndReason
    );
    Ok(ended.fetch_all(&mut **tx).await?.into_iter().map(Into::into).collect())
}

/// What ended since then of the sessions that an app had with a person.
pub async fn ended_of_client_with(
    tx: &mut CrossTenantTx,
    client: ClientId,
    user: UserId,
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<(TenantId, SessionId)>> {
    let ended = sqlx::query_as!(
        Ended,
        "SELECT tenant_id, id FROM sessions WHERE user_id = $1 AND client_id = $2 AND ended_at >= $3",
        user.0,
        client.0,
        since
    );
    Ok(ended.fetch_all(&mut **tx).await?.into_iter().map(Into::into).collect())
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
