//! SQL of log-ins that wait for a second factor.

use crate::{accounts::store::User, opaque::OpaqueToken};
use chrono::{DateTime, Utc};
use common::db::{CrossTenantTx, Lookup, TenantTx};
use contracts::id::{TenantId, UserId};
use uuid::Uuid;

/// Wrong codes; whoever is out of them gives the password again.
pub const MOST_WRONG: i16 = 5;

pub struct Waiting {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub user_id: UserId,
    /// Of the password that was given.
    pub password_version: i32,
}

pub(super) async fn insert(
    tx: &mut TenantTx,
    id: Uuid,
    user: &User,
    token: &OpaqueToken,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO login_challenges (id, tenant_id, user_id, password_version, token_hash, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id,
        tx.tenant().0,
        user.id.0,
        user.password_version,
        &token.hash(),
        now,
        expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn find(tx: &mut Lookup, token: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<Option<Waiting>> {
    sqlx::query_as!(
        Waiting,
        "SELECT id, tenant_id, user_id, password_version FROM login_challenges
         WHERE token_hash = $1 AND expires_at > $2 AND wrong_proofs < $3",
        &token.hash(),
        now,
        MOST_WRONG
    )
    .fetch_optional(&mut **tx)
    .await
}

/// `false` if it is over.
pub(super) async fn lock(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<bool> {
    let open = sqlx::query_scalar!(
        "SELECT id FROM login_challenges WHERE tenant_id = $1 AND id = $2 AND wrong_proofs < $3 FOR UPDATE",
        tx.tenant().0,
        id,
        MOST_WRONG
    );
    Ok(open.fetch_optional(&mut **tx).await?.is_some())
}

pub(super) async fn count_wrong(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE login_challenges SET wrong_proofs = wrong_proofs + 1 WHERE tenant_id = $1 AND id = $2",
        tx.tenant().0,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM login_challenges WHERE tenant_id = $1 AND id = $2", tx.tenant().0, id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn delete_all(tx: &mut CrossTenantTx, user: UserId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM login_challenges WHERE user_id = $1", user.0).execute(&mut **tx).await?;
    Ok(())
}
