//! Where do invitations lie?

use crate::{email::Email, opaque::OpaqueToken};
use chrono::{DateTime, Utc};
use contracts::id::{TenantId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

pub struct NewInvitation<'a> {
    pub id: Uuid,
    pub tenant: TenantId,
    pub email: &'a Email,
    pub invited_by: UserId,
    pub token: &'a OpaqueToken,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// An invitation that nobody has used yet.
pub struct Invitation {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub tenant_name: String,
    pub email: String,
}

pub async fn insert(conn: &mut PgConnection, new: &NewInvitation<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO invitations (id, tenant_id, email, invited_by, token_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        new.id,
        new.tenant.0,
        new.email.as_str(),
        new.invited_by.0,
        &new.token.hash(),
        new.created_at,
        new.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn find_open(conn: &mut PgConnection, token: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<Option<Invitation>> {
    sqlx::query_as!(
        Invitation,
        "SELECT i.id, i.tenant_id, t.name AS tenant_name, i.email FROM invitations i JOIN tenants t ON t.id = i.tenant_id
         WHERE i.token_hash = $1 AND i.used_at IS NULL AND i.expires_at > $2",
        &token.hash(),
        now
    )
    .fetch_optional(conn)
    .await
}

/// `false` if somebody else was faster.
pub async fn use_up(conn: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let used = sqlx::query!("UPDATE invitations SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND expires_at > $2", id, now).execute(conn).await?;
    Ok(used.rows_affected() > 0)
}

pub async fn is_member(conn: &mut PgConnection, tenant: TenantId, email: &Email) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant_id = $1 AND u.email = $2) AS "member!""#,
        tenant.0,
        email.as_str()
    )
    .fetch_one(conn)
    .await
}

/// Names of the tenant and of the inviter, for the mail.
pub async fn names(conn: &mut PgConnection, tenant: TenantId, inviter: UserId) -> sqlx::Result<Option<(String, String)>> {
    let names = sqlx::query!(
        "SELECT t.name, u.display_name FROM memberships m JOIN tenants t ON t.id = m.tenant_id JOIN users u ON u.id = m.user_id
         WHERE m.tenant_id = $1 AND m.user_id = $2",
        tenant.0,
        inviter.0
    );
    Ok(names.fetch_optional(conn).await?.map(|row| (row.name, row.display_name)))
}
