//! SQL of sessions whose holder proves once more who they are. A person's sessions are theirs, in whichever tenant.

use super::{
    model::{EndReason, Session},
    store::Row,
};
use crate::factors::authentication::{Evidence, amr};
use chrono::{DateTime, Utc};
use contracts::id::{SessionId, UserId};
use sqlx::PgConnection;

/// Adds what was shown to the session, if it has not ended. The user must be locked.
pub async fn add(
    conn: &mut PgConnection,
    user: UserId,
    id: SessionId,
    shown: Evidence,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Session>> {
    let Some(session) = lock(conn, user, id).await? else { return Ok(None) };
    let methods = amr(&session.methods(), &[shown]);
    sqlx::query!(
        "UPDATE sessions SET amr = $3, authenticated_at = $4 WHERE user_id = $1 AND id = $2",
        user.0,
        id.0,
        &methods,
        now
    )
    .execute(conn)
    .await?;
    Ok(Some(Session { amr: Some(methods), authenticated_at: Some(now), ..session }))
}

async fn lock(conn: &mut PgConnection, user: UserId, id: SessionId) -> sqlx::Result<Option<Session>> {
    let session = sqlx::query_as!(
        Row,
        r#"SELECT id, user_id, tenant_id, created_at, last_used_at, expires_at, ended_at,
             end_reason AS "end_reason: EndReason", amr, authenticated_at, client_id, sign_in_id, scopes, audience
           FROM sessions
           WHERE user_id = $1 AND id = $2 AND ended_at IS NULL FOR UPDATE"#,
        user.0,
        id.0
    );
    Ok(session.fetch_optional(conn).await?.map(Session::from))
}
