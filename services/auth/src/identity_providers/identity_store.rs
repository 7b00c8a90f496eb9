//! SQL of who is whom at a provider, and of the sessions that it vouches for.

use chrono::{DateTime, Utc};
use common::db::TenantTx;
use contracts::id::{SessionId, UserId};
use uuid::Uuid;

/// The member whom the provider knows by that name.
pub async fn find(tx: &mut TenantTx, provider: Uuid, subject: &str) -> sqlx::Result<Option<UserId>> {
    let user = sqlx::query_scalar!(
        "SELECT user_id FROM identities WHERE tenant_id = $1 AND provider_id = $2 AND subject = $3",
        tx.tenant().0,
        provider,
        subject
    );
    Ok(user.fetch_optional(&mut **tx).await?.map(UserId))
}

/// `false` if the provider knows the member by another name, or somebody else by this one.
pub async fn link(
    tx: &mut TenantTx,
    provider: Uuid,
    subject: &str,
    user: UserId,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let link = sqlx::query!(
        "INSERT INTO identities (provider_id, subject, tenant_id, user_id, linked_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        provider,
        subject,
        tx.tenant().0,
        user.0,
        now
    );
    Ok(link.execute(&mut **tx).await?.rows_affected() == 1)
}

/// Whether a session of that id has been begun, whatever became of it.
pub async fn is_begun(tx: &mut TenantTx, session: SessionId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM sessions WHERE tenant_id = $1 AND id = $2) AS "begun!""#,
        tx.tenant().0,
        session.0
    )
    .fetch_one(&mut **tx)
    .await
}

/// As [`is_begun`]; whoever comes with the same sign-in at the same moment waits, and finds the session.
pub async fn is_begun_locked(tx: &mut TenantTx, session: SessionId) -> sqlx::Result<bool> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", session.to_string())
        .execute(&mut **tx)
        .await?;
    is_begun(tx, session).await
}

/// Says by whose word the session was begun.
pub async fn mark(tx: &mut TenantTx, session: SessionId, provider: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sessions SET identity_provider_id = $3 WHERE tenant_id = $1 AND id = $2",
        tx.tenant().0,
        session.0,
        provider
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
