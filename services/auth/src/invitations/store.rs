//! SQL of invitations.

use super::model::{Invitation, Limit, OpenInvitation, Used, Waiting};
use crate::{email::Email, opaque::OpaqueToken};
use chrono::{DateTime, Utc};
use common::{
    db::{CrossTenantTx, Lookup, TenantTx},
    page::PageRequest,
};
use contracts::id::UserId;
use uuid::Uuid;

/// Name of the tenant, locked against other invitations of it until the transaction ends.
pub async fn lock_tenant(tx: &mut TenantTx) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT name FROM tenants WHERE id = $1 FOR NO KEY UPDATE", tx.tenant().0)
        .fetch_optional(&mut **tx)
        .await
}

/// Name of a member.
pub async fn member_name(tx: &mut TenantTx, user: UserId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT u.display_name FROM memberships m JOIN users u ON u.id = m.user_id
                         WHERE m.tenant_id = $1 AND m.user_id = $2",
        tx.tenant().0,
        user.0
    )
    .fetch_optional(&mut **tx)
    .await
}

pub async fn is_member(tx: &mut TenantTx, email: &Email) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant_id = $1
           AND u.email = $2) AS "member!""#,
        tx.tenant().0,
        email.as_str()
    )
    .fetch_one(&mut **tx)
    .await
}

/// What the tenant has used of a limit, of one address's or of all.
pub async fn used(tx: &mut TenantTx, email: Option<&str>, limit: &Limit, now: DateTime<Utc>) -> sqlx::Result<Used> {
    sqlx::query_as!(
        Used,
        r#"SELECT count(*) AS "count!", min(asked_at) AS since FROM (
             SELECT asked_at FROM invitations WHERE tenant_id = $1 AND asked_at > $2 AND ($3::text IS NULL
             OR email = $3)
             ORDER BY asked_at DESC LIMIT $4) AS latest"#,
        tx.tenant().0,
        now - limit.window,
        email,
        limit.most
    )
    .fetch_one(&mut **tx)
    .await
}

pub async fn count_open(tx: &mut TenantTx, now: DateTime<Utc>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM invitations WHERE tenant_id = $1 AND used_at IS NULL
           AND ended_at IS NULL AND expires_at > $2"#,
        tx.tenant().0,
        now
    )
    .fetch_one(&mut **tx)
    .await
}

/// The open invitation of an address, of which there is at most one; the newest of those from before that was so.
pub async fn find_of(tx: &mut TenantTx, email: &Email, now: DateTime<Utc>) -> sqlx::Result<Option<OpenInvitation>> {
    Ok(open(tx, Some(email.as_str()), now, Uuid::nil(), i64::MAX).await?.pop())
}

pub async fn list(tx: &mut TenantTx, now: DateTime<Utc>, page: PageRequest) -> sqlx::Result<Vec<OpenInvitation>> {
    open(tx, None, now, page.after, page.fetch()).await
}

/// Those to `email`, or to all addresses, in the order of their ids, from the one behind `after` on.
async fn open(
    tx: &mut TenantTx,
    email: Option<&str>,
    now: DateTime<Utc>,
    after: Uuid,
    most: i64,
) -> sqlx::Result<Vec<OpenInvitation>> {
    sqlx::query_as!(
        OpenInvitation,
        "SELECT i.id, i.email, i.invited_by, u.display_name
         AS inviter, i.created_at, i.asked_at, i.mail_waits, i.expires_at, i.mails, i.return_to
         FROM invitations i JOIN users u ON u.id = i.invited_by
         WHERE i.tenant_id = $1 AND ($2::text IS NULL OR i.email = $2) AND i.used_at IS NULL AND i.ended_at IS NULL
         AND i.expires_at > $3
           AND i.id > $4 ORDER BY i.id LIMIT $5",
        tx.tenant().0,
        email,
        now,
        after,
        most
    )
    .fetch_all(&mut **tx)
    .await
}

pub async fn insert(tx: &mut TenantTx, new: &OpenInvitation, token: &OpaqueToken) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO invitations (id, tenant_id, email, invited_by, token_hash, mail_waits, created_at, asked_at,
         expires_at, return_to)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)",
        new.id,
        tx.tenant().0,
        new.email,
        new.invited_by.0,
        &token.hash(),
        new.mail_waits,
        new.created_at,
        new.expires_at,
        new.return_to
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Another mail of the same invitation, with a link of its own.
pub async fn ask_again(tx: &mut TenantTx, again: &OpenInvitation, token: &OpaqueToken) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE invitations
         SET token_hash = $3, mail_waits = $4, asked_at = $5, expires_at = $6, mails = mails + 1,
             return_to = $7
         WHERE tenant_id = $1 AND id = $2",
        tx.tenant().0,
        again.id,
        &token.hash(),
        again.mail_waits,
        again.asked_at,
        again.expires_at,
        again.return_to
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The invitation of whichever tenant that this link belongs to.
pub async fn find_open(tx: &mut Lookup, token: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<Option<Invitation>> {
    sqlx::query_as!(
        Invitation,
        "SELECT i.id, i.tenant_id, t.name AS tenant_name, u.display_name AS inviter, i.email, i.return_to
         FROM invitations i JOIN tenants t ON t.id = i.tenant_id JOIN users u ON u.id = i.invited_by
         WHERE i.token_hash = $1 AND i.used_at IS NULL AND i.ended_at IS NULL AND i.expires_at > $2",
        &token.hash(),
        now
    )
    .fetch_optional(&mut **tx)
    .await
}

/// `false` if somebody else was faster.
pub async fn use_up(tx: &mut TenantTx, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let used = sqlx::query!(
        "UPDATE invitations SET used_at = $3 WHERE tenant_id = $1 AND id = $2 AND used_at IS NULL
         AND ended_at IS NULL AND expires_at > $3",
        tx.tenant().0,
        id,
        now
    );
    Ok(used.execute(&mut **tx).await?.rows_affected() > 0)
}

/// `false` if the tenant has no such invitation open.
pub async fn withdraw(tx: &mut TenantTx, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let ended = sqlx::query!(
        "UPDATE invitations SET ended_at = $3, mail_waits = false WHERE tenant_id = $1 AND id = $2
         AND used_at IS NULL AND ended_at IS NULL AND expires_at > $3",
        tx.tenant().0,
        id,
        now
    );
    Ok(ended.execute(&mut **tx).await?.rows_affected() > 0)
}

/// Of each address that got none since `paused` one whose mail is still to go: that of the tenant that is here longest,
/// as strangers can make new ones at will.
pub async fn waiting(tx: &mut CrossTenantTx, paused: DateTime<Utc>, most: i64) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as!(
        Waiting,
        "SELECT DISTINCT ON (i.email) i.id, i.tenant_id, t.name AS tenant_name, u.display_name
         AS inviter, i.email, i.mails
         FROM invitations i JOIN tenants t ON t.id = i.tenant_id JOIN users u ON u.id = i.invited_by
         WHERE i.mail_waits AND i.used_at IS NULL AND i.ended_at IS NULL
         AND NOT EXISTS (SELECT FROM link_mails l WHERE l.email = i.email AND l.kind = 'invitation' AND l.sent_at > $1)
         ORDER BY i.email, t.created_at, i.id LIMIT $2",
        paused,
        most
    )
    .fetch_all(&mut **tx)
    .await
}

/// Its link is `token` from now on; `false` if its mail has gone meanwhile, or it has ended.
pub async fn mailed(
    tx: &mut TenantTx,
    waiting: &Waiting,
    token: &OpaqueToken,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let mailed = sqlx::query!(
        "UPDATE invitations SET mail_waits = false, token_hash = $3, expires_at = $4
         WHERE tenant_id = $1 AND id = $2 AND mail_waits AND used_at IS NULL AND ended_at IS NULL",
        tx.tenant().0,
        waiting.id,
        &token.hash(),
        expires_at
    );
    Ok(mailed.execute(&mut **tx).await?.rows_affected() > 0)
}
