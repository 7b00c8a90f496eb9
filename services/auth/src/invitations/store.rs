//! SQL of invitations.

use super::limits::{Limit, Used};
use crate::{email::Email, opaque::OpaqueToken};
use chrono::{DateTime, Utc};
use common::page::PageRequest;
use contracts::id::{TenantId, UserId};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

pub struct NewInvitation<'a> {
    pub id: Uuid,
    pub tenant: TenantId,
    pub email: &'a Email,
    pub invited_by: UserId,
    pub token: &'a OpaqueToken,
    pub mail_waits: bool,
    pub now: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// An invitation that nobody has answered yet, as whoever has its link sees it.
pub struct Invitation {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub tenant_name: String,
    pub inviter: String,
    pub email: String,
}

/// An invitation that nobody has answered yet, as the tenant sees it.
#[derive(Serialize, ToSchema)]
pub struct OpenInvitation {
    pub id: Uuid,
    #[schema(format = Email, example = "bob@acme.test")]
    pub email: String,
    /// Who invited them.
    pub invited_by: UserId,
    #[schema(example = "Ada Lovelace")]
    pub inviter: String,
    pub created_at: DateTime<Utc>,
    /// When a mail was last asked for.
    pub asked_at: DateTime<Utc>,
    /// The address has had many invitations today, so the mail goes later.
    pub mail_waits: bool,
    pub expires_at: DateTime<Utc>,
    #[serde(skip)]
    pub mails: i16,
}

/// An invitation whose mail is still to go.
pub struct Waiting {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub tenant_name: String,
    pub inviter: String,
    pub email: String,
    pub mails: i16,
}

/// Name of the tenant, locked against other invitations of it until the transaction ends.
pub async fn lock_tenant(conn: &mut PgConnection, tenant: TenantId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT name FROM tenants WHERE id = $1 FOR NO KEY UPDATE", tenant.0).fetch_optional(conn).await
}

/// Name of a member.
pub async fn member_name(conn: &mut PgConnection, tenant: TenantId, user: UserId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT u.display_name FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant_id = $1 AND m.user_id = $2", tenant.0, user.0)
        .fetch_optional(conn)
        .await
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

/// What the tenant has used of a limit, of one address's or of all.
pub async fn used(
    conn: &mut PgConnection,
    tenant: TenantId,
    email: Option<&str>,
    limit: &Limit,
    now: DateTime<Utc>,
) -> sqlx::Result<Used> {
    sqlx::query_as!(
        Used,
        r#"SELECT count(*) AS "count!", min(asked_at) AS since FROM (
             SELECT asked_at FROM invitations WHERE tenant_id = $1 AND asked_at > $2 AND ($3::text IS NULL OR email = $3)
             ORDER BY asked_at DESC LIMIT $4) AS latest"#,
        tenant.0,
        now - limit.window,
        email,
        limit.most
    )
    .fetch_one(conn)
    .await
}

pub async fn count_open(conn: &mut PgConnection, tenant: TenantId, now: DateTime<Utc>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM invitations WHERE tenant_id = $1 AND used_at IS NULL AND ended_at IS NULL AND expires_at > $2"#,
        tenant.0,
        now
    )
    .fetch_one(conn)
    .await
}

/// The open invitation of an address, of which there is at most one; the newest of those from before that was so.
pub async fn find_of(
    conn: &mut PgConnection,
    tenant: TenantId,
    email: &Email,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<OpenInvitation>> {
    Ok(open(conn, tenant, Some(email.as_str()), now, Uuid::nil(), i64::MAX).await?.pop())
}

pub async fn list(
    conn: &mut PgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
    page: PageRequest,
) -> sqlx::Result<Vec<OpenInvitation>> {
    open(conn, tenant, None, now, page.after, page.fetch()).await
}

/// Those to `email`, or to all addresses, in the order of their ids, from the one behind `after` on.
async fn open(
    conn: &mut PgConnection,
    tenant: TenantId,
    email: Option<&str>,
    now: DateTime<Utc>,
    after: Uuid,
    most: i64,
) -> sqlx::Result<Vec<OpenInvitation>> {
    sqlx::query_as!(
        OpenInvitation,
        "SELECT i.id, i.email, i.invited_by, u.display_name AS inviter, i.created_at, i.asked_at, i.mail_waits, i.expires_at, i.mails
         FROM invitations i JOIN users u ON u.id = i.invited_by
         WHERE i.tenant_id = $1 AND ($2::text IS NULL OR i.email = $2) AND i.used_at IS NULL AND i.ended_at IS NULL AND i.expires_at > $3
           AND i.id > $4 ORDER BY i.id LIMIT $5",
        tenant.0,
        email,
        now,
        after,
        most
    )
    .fetch_all(conn)
    .await
}

pub async fn insert(conn: &mut PgConnection, new: &NewInvitation<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO invitations (id, tenant_id, email, invited_by, token_hash, mail_waits, created_at, asked_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)",
        new.id,
        new.tenant.0,
        new.email.as_str(),
        new.invited_by.0,
        &new.token.hash(),
        new.mail_waits,
        new.now,
        new.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Another mail of the same invitation, with a link of its own.
pub async fn ask_again(conn: &mut PgConnection, new: &NewInvitation<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE invitations SET token_hash = $3, mail_waits = $4, asked_at = $5, expires_at = $6, mails = mails + 1 WHERE tenant_id = $1 AND id = $2",
        new.tenant.0,
        new.id,
        &new.token.hash(),
        new.mail_waits,
        new.now,
        new.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn find_open(
    conn: &mut PgConnection,
    token: &OpaqueToken,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Invitation>> {
    sqlx::query_as!(
        Invitation,
        "SELECT i.id, i.tenant_id, t.name AS tenant_name, u.display_name AS inviter, i.email
         FROM invitations i JOIN tenants t ON t.id = i.tenant_id JOIN users u ON u.id = i.invited_by
         WHERE i.token_hash = $1 AND i.used_at IS NULL AND i.ended_at IS NULL AND i.expires_at > $2",
        &token.hash(),
        now
    )
    .fetch_optional(conn)
    .await
}

/// `false` if somebody else was faster.
pub async fn use_up(conn: &mut PgConnection, tenant: TenantId, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let used = sqlx::query!(
        "UPDATE invitations SET used_at = $3 WHERE tenant_id = $1 AND id = $2 AND used_at IS NULL AND ended_at IS NULL AND expires_at > $3",
        tenant.0,
        id,
        now
    );
    Ok(used.execute(conn).await?.rows_affected() > 0)
}

/// `false` if the tenant has no such invitation open.
pub async fn withdraw(conn: &mut PgConnection, tenant: TenantId, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let ended = sqlx::query!(
        "UPDATE invitations SET ended_at = $3, mail_waits = false WHERE tenant_id = $1 AND id = $2 AND used_at IS NULL AND ended_at IS NULL AND expires_at > $3",
        tenant.0,
        id,
        now
    );
    Ok(ended.execute(conn).await?.rows_affected() > 0)
}

/// Of each address that got none since `paused` one whose mail is still to go: that of the tenant that is here longest, as strangers can make new ones at will.
pub async fn waiting(conn: &mut PgConnection, paused: DateTime<Utc>, most: i64) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as!(
        Waiting,
        "SELECT DISTINCT ON (i.email) i.id, i.tenant_id, t.name AS tenant_name, u.display_name AS inviter, i.email, i.mails
         FROM invitations i JOIN tenants t ON t.id = i.tenant_id JOIN users u ON u.id = i.invited_by
         WHERE i.mail_waits AND i.used_at IS NULL AND i.ended_at IS NULL
         AND NOT EXISTS (SELECT FROM link_mails l WHERE l.email = i.email AND l.kind = 'invitation' AND l.sent_at > $1)
         ORDER BY i.email, t.created_at, i.id LIMIT $2",
        paused,
        most
    )
    .fetch_all(conn)
    .await
}

/// Its link is `token` from now on; `false` if its mail has gone meanwhile, or it has ended.
pub async fn mailed(
    conn: &mut PgConnection,
    waiting: &Waiting,
    token: &OpaqueToken,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let mailed = sqlx::query!(
        "UPDATE invitations SET mail_waits = false, token_hash = $3, expires_at = $4
         WHERE tenant_id = $1 AND id = $2 AND mail_waits AND used_at IS NULL AND ended_at IS NULL",
        waiting.tenant_id.0,
        waiting.id,
        &token.hash(),
        expires_at
    );
    Ok(mailed.execute(conn).await?.rows_affected() > 0)
}
