//! SQL of sessions that go on in another tenant.

use super::{
    model::{EndReason, Session},
    store::Row,
};
use crate::opaque::OpaqueToken;
use chrono::{DateTime, Utc};
use common::db::{CrossTenantTx, TenantTx};
use contracts::id::{SessionId, TenantId, UserId};

/// A membership that nobody ends, and whose sessions nobody ends, while it is held.
pub struct Member {
    /// When the tenant last ended the member's sessions.
    pub sessions_since: Option<DateTime<Utc>>,
}

/// The session of a refresh token, in whichever tenant it acts; whoever renews, moves or ends it waits for us.
pub async fn lock(tx: &mut CrossTenantTx, token: &OpaqueToken) -> sqlx::Result<Option<Session>> {
    let session = sqlx::query_as!(
        Row,
        r#"SELECT id, user_id, tenant_id, created_at, last_used_at, expires_at, ended_at,
             end_reason AS "end_reason: EndReason", amr, authenticated_at, client_id, sign_in_id, scopes, audience
           FROM sessions WHERE id = (SELECT session_id FROM refresh_tokens WHERE token_hash = $1) FOR UPDATE"#,
        &token.hash()
    );
    Ok(session.fetch_optional(&mut **tx).await?.map(Session::from))
}

pub async fn lock_member(tx: &mut TenantTx, user: UserId) -> sqlx::Result<Option<Member>> {
    sqlx::query_as!(
        Member,
        "SELECT sessions_since FROM memberships WHERE tenant_id = $1 AND user_id = $2 FOR SHARE",
        tx.tenant().0,
        user.0
    )
    .fetch_optional(&mut **tx)
    .await
}

pub async fn act_in(tx: &mut CrossTenantTx, session: SessionId, tenant: TenantId) -> sqlx::Result<()> {
    sqlx::query!("UPDATE sessions SET tenant_id = $2 WHERE id = $1", session.0, tenant.0).execute(&mut **tx).await?;
    Ok(())
}
