//! SQL of authorization codes.

use super::{request::Asked, sign_ins::SignIn};
use crate::{opaque::OpaqueToken, sessions::model::Grant};
use chrono::{DateTime, Utc};
use common::db::{Lookup, TenantTx};
use contracts::id::{ClientId, SessionId, TenantId, UserId};
use uuid::Uuid;

pub struct StoredCode {
    pub id: Uuid,
    pub client_id: ClientId,
    pub user_id: UserId,
    pub sign_in_id: Uuid,
    pub password_version: i32,
    pub redirect_uri: String,
    pub code_challenge: String,
    pub nonce: Option<String>,
    pub scopes: Vec<String>,
    pub audience: String,
    pub amr: Vec<String>,
    pub authenticated_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub session_id: Option<Uuid>,
}

pub async fn insert(
    tx: &mut TenantTx,
    id: Uuid,
    code: &OpaqueToken,
    asked: &Asked,
    sign_in: &SignIn,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO authorization_codes (id, code_hash, client_id, tenant_id, user_id, sign_in_id, password_version,
           redirect_uri, code_challenge, nonce, scopes, audience, amr, authenticated_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        id,
        &code.hash(),
        asked.client_id.0,
        tx.tenant().0,
        sign_in.user.id.0,
        sign_in.id,
        sign_in.user.password_version,
        asked.redirect_uri,
        asked.code_challenge,
        asked.nonce,
        &asked.scopes().to_vec(),
        asked.audience,
        &sign_in.amr,
        sign_in.authenticated_at,
        expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The tenant that a code was issued in.
pub async fn tenant_of(tx: &mut Lookup, code: &OpaqueToken) -> sqlx::Result<Option<TenantId>> {
    let tenant = sqlx::query_scalar!("SELECT tenant_id FROM authorization_codes WHERE code_hash = $1", &code.hash());
    Ok(tenant.fetch_optional(&mut **tx).await?.map(TenantId))
}

/// The code, locked: whoever exchanges it as well waits for us.
pub async fn lock(tx: &mut TenantTx, code: &OpaqueToken) -> sqlx::Result<Option<StoredCode>> {
    sqlx::query_as!(
        StoredCode,
        r#"SELECT id, client_id, user_id, sign_in_id, password_version, redirect_uri, code_challenge, nonce, scopes,
             audience, amr, authenticated_at, expires_at, session_id
           FROM authorization_codes WHERE tenant_id = $1 AND code_hash = $2 FOR UPDATE"#,
        tx.tenant().0,
        &code.hash()
    )
    .fetch_optional(&mut **tx)
    .await
}

pub async fn use_up(tx: &mut TenantTx, id: Uuid, session: SessionId) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE authorization_codes SET session_id = $3 WHERE tenant_id = $1 AND id = $2",
        tx.tenant().0,
        id,
        session.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether the person still allows the app all of it in this tenant; whoever takes that back waits for us.
pub async fn keep_consent(tx: &mut TenantTx, user: UserId, grant: &Grant) -> sqlx::Result<bool> {
    let consent = sqlx::query_scalar!(
        "SELECT client_id FROM consents WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3 AND scopes @> $4
         FOR KEY SHARE",
        tx.tenant().0,
        user.0,
        grant.client_id.0,
        &grant.scopes.to_vec()
    );
    Ok(consent.fetch_optional(&mut **tx).await?.is_some())
}

/// Whether the person is still signed in where the code was sent through; whoever ends that waits for us.
pub async fn keep_sign_in(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<bool> {
    let sign_in = sqlx::query_scalar!("SELECT id FROM sign_ins WHERE id = $1 AND ended_at IS NULL FOR SHARE", id);
    Ok(sign_in.fetch_optional(&mut **tx).await?.is_some())
}
