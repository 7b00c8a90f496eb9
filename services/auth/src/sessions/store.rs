//! SQL of sessions and their refresh tokens.

use super::model::{EndReason, Grant, IDLE, Link, Session};
use crate::opaque::OpaqueToken;
use chrono::{DateTime, Utc};
use common::{
    db::{Lookup, TenantTx},
    page::PageRequest,
};
use contracts::id::{ClientId, SessionId, TenantId, UserId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A session that is alive, as its owner sees it.
#[derive(Serialize, ToSchema)]
pub struct OwnSession {
    pub id: SessionId,
    pub tenant_id: TenantId,
    /// The app whose session it is; absent for the person's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    /// Log-in or last refresh.
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

pub async fn insert(tx: &mut TenantTx, session: &Session) -> sqlx::Result<()> {
    let grant = session.grant.as_ref();
    let scopes = grant.map(|grant| grant.scopes.to_vec());
    sqlx::query!(
        "INSERT INTO sessions (id, user_id, tenant_id, created_at, last_used_at, expires_at, amr, authenticated_at,
           client_id, sign_in_id, scopes, audience)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        session.id.0,
        session.user_id.0,
        tx.tenant().0,
        session.created_at,
        session.last_used_at,
        session.expires_at,
        session.amr.as_deref(),
        session.authenticated_at,
        session.client_id().map(|client| client.0),
        grant.map(|grant| grant.sign_in_id),
        scopes.as_deref(),
        grant.map(|grant| &*grant.audience)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn insert_token(
    tx: &mut TenantTx,
    id: Uuid,
    session: SessionId,
    token: &OpaqueToken,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO refresh_tokens (id, session_id, token_hash, created_at) VALUES ($1, $2, $3, $4)",
        id,
        session.0,
        &token.hash(),
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The tenant that the session of a refresh token acts in.
pub async fn tenant_of_token(tx: &mut Lookup, token: &OpaqueToken) -> sqlx::Result<Option<TenantId>> {
    let tenant = sqlx::query_scalar!(
        "SELECT tenant_id FROM sessions WHERE id = (SELECT session_id FROM refresh_tokens WHERE token_hash = $1)",
        &token.hash()
    );
    Ok(tenant.fetch_optional(&mut **tx).await?.map(TenantId))
}

/// The session of a refresh token, locked: whoever refreshes or ends it waits for us.
pub async fn lock_by_token(tx: &mut TenantTx, token: &OpaqueToken) -> sqlx::Result<Option<Session>> {
    let session = sqlx::query_as!(
        Row,
        r#"SELECT id, user_id, tenant_id, created_at, last_used_at, expires_at, ended_at,
             end_reason AS "end_reason: EndReason", amr, authenticated_at, client_id, sign_in_id, scopes, audience
           FROM sessions
           WHERE tenant_id = $1 AND id = (SELECT session_id FROM refresh_tokens WHERE token_hash = $2) FOR UPDATE"#,
        tx.tenant().0,
        &token.hash()
    );
    Ok(session.fetch_optional(&mut **tx).await?.map(Session::from))
}

/// A session as the table has it.
pub struct Row {
    pub id: Uuid,
    pub user_id: Uuid,
    pub tenant_id: Uuid,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub end_reason: Option<EndReason>,
    pub amr: Option<Vec<String>>,
    pub authenticated_at: Option<DateTime<Utc>>,
    pub client_id: Option<Uuid>,
    pub sign_in_id: Option<Uuid>,
    pub scopes: Option<Vec<String>>,
    pub audience: Option<String>,
}

impl From<Row> for Session {
    fn from(row: Row) -> Self {
        let grant = row.client_id.zip(row.sign_in_id).zip(row.audience).map(|((client, sign_in_id), audience)| Grant {
            client_id: ClientId(client),
            sign_in_id,
            scopes: row.scopes.unwrap_or_default().into(),
            audience,
        });
        Self {
            id: SessionId(row.id),
            user_id: UserId(row.user_id),
            tenant_id: TenantId(row.tenant_id),
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
            end_reason: row.end_reason,
            amr: row.amr,
            authenticated_at: row.authenticated_at,
            grant,
        }
    }
}

/// The token itself. A statement of its own after [`lock_by_token`], as one that waited for a lock still sees the other
/// tables as they were before.
pub async fn link(tx: &mut TenantTx, token: &OpaqueToken) -> sqlx::Result<Link> {
    sqlx::query_as!(
        Link,
        r#"SELECT own.id, own.used_at, own.sealed_child, (child.used_at IS NOT NULL) AS "child_used!"
           FROM refresh_tokens own LEFT JOIN refresh_tokens child ON child.id = own.child_id
           WHERE own.token_hash = $1"#,
        &token.hash()
    )
    .fetch_one(&mut **tx)
    .await
}

/// Marks a token as used for its child; what its own parent kept to repeat the answer is of no use any more.
pub async fn use_up(
    tx: &mut TenantTx,
    id: Uuid,
    child: Uuid,
    sealed_child: &[u8],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE refresh_tokens SET used_at = $2, child_id = $3, sealed_child = $4 WHERE id = $1",
        id,
        now,
        child,
        sealed_child
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("UPDATE refresh_tokens SET sealed_child = NULL WHERE child_id = $1", id).execute(&mut **tx).await?;
    Ok(())
}

pub async fn touch(tx: &mut TenantTx, session: SessionId, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sessions SET last_used_at = $3 WHERE tenant_id = $1 AND id = $2",
        tx.tenant().0,
        session.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends a session, and gives whose it was, and of which app; `None` if it had ended before.
pub async fn end(
    tx: &mut TenantTx,
    session: SessionId,
    reason: EndReason,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<(UserId, Option<ClientId>)>> {
    let ended = sqlx::query!(
        "UPDATE sessions SET ended_at = $3, end_reason = $4 WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL
         RETURNING user_id, client_id",
        tx.tenant().0,
        session.0,
        now,
        reason as EndReason
    );
    let ended = ended.fetch_optional(&mut **tx).await?;
    Ok(ended.map(|row| (UserId(row.user_id), row.client_id.map(ClientId))))
}

/// Takes back what the person has allowed the app whose session it is, in this tenant: it has to ask again. Gives the
/// app, if something was allowed.
pub async fn withdraw_consent(tx: &mut TenantTx, session: SessionId) -> sqlx::Result<Option<ClientId>> {
    let withdrawn = sqlx::query_scalar!(
        "DELETE FROM consents USING sessions s WHERE s.tenant_id = $1 AND s.id = $2 AND consents.tenant_id = $1
           AND consents.user_id = s.user_id AND consents.client_id = s.client_id
         RETURNING consents.client_id",
        tx.tenant().0,
        session.0
    );
    Ok(withdrawn.fetch_optional(&mut **tx).await?.map(ClientId))
}

/// The user's sessions that are alive at `now`.
pub async fn alive(
    tx: &mut Lookup,
    user: UserId,
    now: DateTime<Utc>,
    page: PageRequest,
) -> sqlx::Result<Vec<OwnSession>> {
    sqlx::query_as!(
        OwnSession,
        r#"SELECT id, tenant_id, client_id, created_at, last_used_at, expires_at FROM sessions
         WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 AND last_used_at > $3 AND id > $4 ORDER BY id
         LIMIT $5"#,
        user.0,
        now,
        now - IDLE,
        page.after,
        page.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}

/// Whether a `sid` is that of a session, a client's secret, a client that signs assertions, or an API key that is alive
/// at `now`.
pub async fn is_alive(tx: &mut TenantTx, session: SessionId, now: DateTime<Utc>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM sessions WHERE id = $2 AND tenant_id = $1 AND ended_at IS NULL
           AND expires_at > $3 AND last_used_at > $4)
            OR EXISTS (SELECT FROM client_secrets s JOIN clients c ON c.id = s.client_id
                       WHERE s.id = $2 AND c.tenant_id = $1 AND s.revoked_at IS NULL AND c.deleted_at IS NULL)
            OR EXISTS (SELECT FROM clients WHERE id = $2 AND tenant_id = $1 AND deleted_at IS NULL
                       AND token_endpoint_auth_method = 'private_key_jwt')
            OR EXISTS (SELECT FROM api_keys k JOIN memberships m ON m.user_id = k.user_id AND m.tenant_id = k.tenant_id
                       WHERE k.id = $2 AND k.tenant_id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL
                       OR k.expires_at > $3)) AS "alive!""#,
        tx.tenant().0,
        session.0,
        now,
        now - IDLE
    )
    .fetch_one(&mut **tx)
    .await
}
