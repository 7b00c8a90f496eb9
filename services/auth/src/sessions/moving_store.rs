//! SQL of sessions that go on in another tenant.

use crate::{factors::authentication::by_password, opaque::OpaqueToken};
use common::db::{CrossTenantTx, Lookup};
use contracts::id::{SessionId, TenantId, UserId};

/// Whose session a refresh token renews, and by which methods it was begun.
pub async fn holder(tx: &mut Lookup, token: &OpaqueToken) -> sqlx::Result<Option<(UserId, Vec<String>)>> {
    let row = sqlx::query!(
        "SELECT user_id, amr FROM sessions WHERE id = (SELECT session_id FROM refresh_tokens WHERE token_hash = $1)",
        &token.hash()
    );
    let row = row.fetch_optional(&mut **tx).await?;
    Ok(row.map(|row| (UserId(row.user_id), row.amr.unwrap_or_else(by_password))))
}

/// The tenant that a session acts in; whoever renews, moves or ends it waits for us. `None` if it has ended.
pub async fn lock(tx: &mut CrossTenantTx, session: SessionId) -> sqlx::Result<Option<TenantId>> {
    let tenant =
        sqlx::query_scalar!("SELECT tenant_id FROM sessions WHERE id = $1 AND ended_at IS NULL FOR UPDATE", session.0);
    Ok(tenant.fetch_optional(&mut **tx).await?.map(TenantId))
}

pub async fn act_in(tx: &mut CrossTenantTx, session: SessionId, tenant: TenantId) -> sqlx::Result<()> {
    sqlx::query!("UPDATE sessions SET tenant_id = $2 WHERE id = $1", session.0, tenant.0).execute(&mut **tx).await?;
    Ok(())
}
