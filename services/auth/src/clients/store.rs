//! SQL of clients and their secrets.

use super::registration::{AuthMethod, Registration};
use crate::{authority::SpeaksFor, oauth::redirect_uri::RedirectUri, opaque::OpaqueToken};
use chrono::{DateTime, Utc};
use common::{ambient::Ambient, db::TenantTx, page::PageRequest};
use contracts::id::{ClientId, SessionId, UserId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A machine of a tenant.
#[derive(Serialize, ToSchema)]
pub struct Client {
    pub id: ClientId,
    #[schema(example = "nightly import")]
    pub name: String,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
    pub token_endpoint_auth_method: AuthMethod,
    #[schema(example = json!(["https://app.example.com/signed-in"]))]
    pub redirect_uris: Vec<String>,
    #[schema(example = json!(["https://app.example.com/"]))]
    pub post_logout_redirect_uris: Vec<String>,
    /// What it may ask people for, separated by spaces.
    #[schema(example = "email openid")]
    pub scope: String,
    /// The public keys of one that signs (RFC 7517 §5).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
    #[serde(skip)]
    pub revision: i32,
}

impl Client {
    pub fn new(ambient: &Ambient, created_by: UserId, registration: &Registration) -> Self {
        Self::of(ClientId(ambient.uuid()), (created_by, ambient.now()), registration, 1)
    }

    /// What it is after an edit.
    pub fn edited(&self, registration: &Registration) -> Self {
        Self::of(self.id, (self.created_by, self.created_at), registration, self.revision + 1)
    }

    fn of(
        id: ClientId,
        (created_by, created_at): (UserId, DateTime<Utc>),
        registration: &Registration,
        revision: i32,
    ) -> Self {
        let texts = |uris: &[RedirectUri]| uris.iter().map(RedirectUri::to_string).collect();
        Self {
            id,
            name: registration.name.as_str().to_owned(),
            created_by,
            created_at,
            token_endpoint_auth_method: registration.method,
            redirect_uris: texts(&registration.redirect_uris),
            post_logout_redirect_uris: texts(&registration.post_logout_redirect_uris),
            scope: registration.scopes.to_string(),
            jwks: registration.jwks.as_ref().and_then(|jwks| serde_json::to_value(jwks).ok()),
            revision,
        }
    }

    /// Whether people who allowed this one something would allow `edited` the same: its answers go to no other
    /// address, and it is called the same.
    pub fn may_be_taken_for(&self, edited: &Self) -> bool {
        self.name == edited.name && edited.redirect_uris.iter().all(|uri| self.redirect_uris.contains(uri))
    }
}

/// A secret that works, without what is secret.
#[derive(Serialize, ToSchema)]
pub struct LiveSecret {
    /// Also the `sid` of the tokens it gets.
    pub id: SessionId,
    pub created_at: DateTime<Utc>,
}

/// What a shown secret is compared with.
pub struct Candidate {
    pub id: SessionId,
    pub secret_hash: Vec<u8>,
}

/// Clients of the tenant; whoever adds one waits for us.
pub async fn count_locked(tx: &mut TenantTx) -> sqlx::Result<i64> {
    sqlx::query_scalar!("SELECT id FROM tenants WHERE id = $1 FOR NO KEY UPDATE", tx.tenant().0)
        .fetch_optional(&mut **tx)
        .await?;
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM clients WHERE tenant_id = $1 AND deleted_at IS NULL"#,
        tx.tenant().0
    )
    .fetch_one(&mut **tx)
    .await
}

pub async fn insert(tx: &mut TenantTx, client: &Client, registration: &Registration) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO clients (id, tenant_id, name, created_by, created_at, token_endpoint_auth_method, jwks,
           redirect_uris, post_logout_redirect_uris, scopes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        client.id.0,
        tx.tenant().0,
        client.name,
        client.created_by.0,
        client.created_at,
        registration.method as AuthMethod,
        client.jwks,
        &client.redirect_uris,
        &client.post_logout_redirect_uris,
        &registration.scopes.to_vec()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes what was edited. What people allowed before `consents_since` counts no more; `None` leaves that as it is.
pub async fn edit(tx: &mut TenantTx, client: &Client, consents_since: Option<DateTime<Utc>>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE clients SET name = $3, jwks = $4, redirect_uris = $5, post_logout_redirect_uris = $6,
           scopes = string_to_array($7, ' '), consents_since = coalesce($8, consents_since), revision = $9
         WHERE tenant_id = $1 AND id = $2",
        tx.tenant().0,
        client.id.0,
        client.name,
        client.jwks,
        &client.redirect_uris,
        &client.post_logout_redirect_uris,
        client.scope,
        consents_since,
        client.revision
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn list(tx: &mut TenantTx, page: PageRequest) -> sqlx::Result<Vec<Client>> {
    sqlx::query_as!(
        Client,
        r#"SELECT id, name, created_by, created_at, redirect_uris, post_logout_redirect_uris,
             token_endpoint_auth_method AS "token_endpoint_auth_method: AuthMethod",
             array_to_string(scopes, ' ') AS "scope!", jwks, revision
           FROM clients WHERE tenant_id = $1 AND deleted_at IS NULL AND id > $2 ORDER BY id LIMIT $3"#,
        tx.tenant().0,
        page.after,
        page.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}

pub async fn find(tx: &mut TenantTx, id: ClientId) -> sqlx::Result<Option<Client>> {
    sqlx::query_as!(
        Client,
        r#"SELECT id, name, created_by, created_at, redirect_uris, post_logout_redirect_uris,
             token_endpoint_auth_method AS "token_endpoint_auth_method: AuthMethod",
             array_to_string(scopes, ' ') AS "scope!", jwks, revision
           FROM clients WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL"#,
        tx.tenant().0,
        id.0
    )
    .fetch_optional(&mut **tx)
    .await
}

/// Those of the ids that are machines of the tenant.
pub async fn existing(tx: &mut TenantTx, ids: &[Uuid]) -> sqlx::Result<Vec<ClientId>> {
    let existing = sqlx::query_scalar!(
        "SELECT id FROM clients WHERE tenant_id = $1 AND id = ANY($2) AND deleted_at IS NULL",
        tx.tenant().0,
        ids
    );
    Ok(existing.fetch_all(&mut **tx).await?.into_iter().map(ClientId).collect())
}

/// `false` if the tenant has no such client; else whoever adds a secret or deletes the client waits for us.
pub async fn lock(tx: &mut TenantTx, id: ClientId) -> sqlx::Result<bool> {
    let client = sqlx::query_scalar!(
        "SELECT id FROM clients WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE",
        tx.tenant().0,
        id.0
    );
    Ok(client.fetch_optional(&mut **tx).await?.is_some())
}

/// `false` if the tenant never had such a client; a repetition keeps the first time.
pub async fn delete(tx: &mut TenantTx, id: ClientId, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let delete = sqlx::query!(
        "UPDATE clients SET deleted_at = coalesce(deleted_at, $3) WHERE tenant_id = $1 AND id = $2",
        tx.tenant().0,
        id.0,
        now
    );
    Ok(delete.execute(&mut **tx).await?.rows_affected() > 0)
}

pub async fn live_secrets(tx: &mut TenantTx, client: ClientId) -> sqlx::Result<Vec<LiveSecret>> {
    sqlx::query_as!(
        LiveSecret,
        "SELECT s.id, s.created_at FROM client_secrets s JOIN clients c ON c.id = s.client_id
         WHERE c.tenant_id = $1 AND c.id = $2 AND s.revoked_at IS NULL ORDER BY s.id",
        tx.tenant().0,
        client.0
    )
    .fetch_all(&mut **tx)
    .await
}

pub async fn insert_secret(
    tx: &mut TenantTx,
    client: SpeaksFor<ClientId>,
    secret: &LiveSecret,
    text: &OpaqueToken,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO client_secrets (id, client_id, secret_hash, created_at) VALUES ($1, $2, $3, $4)",
        secret.id.0,
        client.whom().0,
        &text.hash(),
        secret.created_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The live secrets of a client, locked: whoever revokes one waits for us.
pub async fn lock_secrets(tx: &mut TenantTx, client: ClientId) -> sqlx::Result<Vec<Candidate>> {
    sqlx::query_as!(
        Candidate,
        "SELECT s.id, s.secret_hash FROM client_secrets s JOIN clients c ON c.id = s.client_id
         WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL AND s.revoked_at IS NULL FOR SHARE OF s",
        tx.tenant().0,
        client.0
    )
    .fetch_all(&mut **tx)
    .await
}

/// Whether the client, deleted or not, has had such a secret.
pub async fn has_secret(tx: &mut TenantTx, client: ClientId, secret: SessionId) -> sqlx::Result<bool> {
    let secret = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM client_secrets s JOIN clients c ON c.id = s.client_id WHERE c.tenant_id = $1
           AND c.id = $2 AND s.id = $3) AS "has!""#,
        tx.tenant().0,
        client.0,
        secret.0
    );
    secret.fetch_one(&mut **tx).await
}

/// Revokes one secret, or all; gives those whose tokens may still live: revoked now or after `since`, so that a
/// repetition ends them, too.
pub async fn revoke(
    tx: &mut TenantTx,
    client: ClientId,
    secret: Option<SessionId>,
    (since, now): (DateTime<Utc>, DateTime<Utc>),
) -> sqlx::Result<Vec<SessionId>> {
    let revoked = sqlx::query_scalar!(
        "UPDATE client_secrets s SET revoked_at = coalesce(s.revoked_at, $5) FROM clients c
         WHERE c.id = s.client_id AND c.tenant_id = $1 AND c.id = $2 AND ($3::uuid IS NULL OR s.id = $3)
         AND (s.revoked_at IS NULL OR s.revoked_at > $4)
         RETURNING s.id",
        tx.tenant().0,
        client.0,
        secret.map(|secret| secret.0),
        since,
        now
    );
    Ok(revoked.fetch_all(&mut **tx).await?.into_iter().map(SessionId).collect())
}
