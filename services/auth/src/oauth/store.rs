//! SQL of clients as apps see themselves, and of what people have allowed them.

use super::{redirect_uri::RedirectUri, scope::Scopes};
use crate::clients::registration::AuthMethod;
use chrono::{DateTime, Utc};
use common::db::{Lookup, TenantTx};
use contracts::id::{ClientId, TenantId, UserId};
use jsonwebtoken::jwk::JwkSet;
use sqlx::PgConnection;

/// A client of a tenant, as the authorization server needs it.
#[derive(Clone, Debug)]
pub struct OAuthClient {
    pub id: ClientId,
    pub tenant_id: TenantId,
    pub tenant_name: String,
    /// People of every tenant may sign in to an app of the platform's own tenant.
    pub is_for_everybody: bool,
    pub name: String,
    pub method: AuthMethod,
    pub jwks: Option<JwkSet>,
    pub redirect_uris: Vec<RedirectUri>,
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    pub scopes: Scopes,
    /// Since when it is the app that it is: what people allowed before counts no more.
    pub consents_since: Option<DateTime<Utc>>,
}

impl OAuthClient {
    /// Whether it is still the app that somebody was asked about at that time, in seconds since 1970.
    pub fn is_that_of(&self, asked_at: i64) -> bool {
        self.consents_since.is_none_or(|since| since.timestamp() < asked_at)
    }

    /// Whether its answers may go to that address.
    pub fn has(&self, redirect_uri: &str) -> bool {
        self.redirect_uris.iter().any(|uri| uri.is_meant_by(redirect_uri))
    }

    /// Whether nobody else can be in its place, so that what a person allowed once counts for the next time
    /// (RFC 6749 §10.2, RFC 8252 §8.6).
    pub fn is_proved(&self, redirect_uri: &str) -> bool {
        let registered = self.redirect_uris.iter().find(|uri| uri.is_meant_by(redirect_uri));
        self.method != AuthMethod::None || registered.is_some_and(RedirectUri::is_proved)
    }
}

/// A client that is not deleted.
pub async fn client(tx: &mut Lookup, id: ClientId) -> sqlx::Result<Option<OAuthClient>> {
    let row = sqlx::query!(
        r#"SELECT c.id, c.tenant_id, t.name AS tenant_name, t.kind = 'platform' AS "is_for_everybody!", c.name,
             c.token_endpoint_auth_method AS "method: AuthMethod", c.jwks, c.redirect_uris,
             c.post_logout_redirect_uris, c.scopes, c.consents_since
           FROM clients c JOIN tenants t ON t.id = c.tenant_id WHERE c.id = $1 AND c.deleted_at IS NULL"#,
        id.0
    );
    let Some(row) = row.fetch_optional(&mut **tx).await? else { return Ok(None) };
    // What is there was checked when it was written.
    let uris = |uris: Vec<String>| uris.iter().filter_map(|uri| uri.parse().ok()).collect();
    Ok(Some(OAuthClient {
        id: ClientId(row.id),
        tenant_id: TenantId(row.tenant_id),
        tenant_name: row.tenant_name,
        is_for_everybody: row.is_for_everybody,
        name: row.name,
        method: row.method,
        jwks: row.jwks.and_then(|jwks| serde_json::from_value(jwks).ok()),
        redirect_uris: uris(row.redirect_uris),
        post_logout_redirect_uris: uris(row.post_logout_redirect_uris),
        scopes: row.scopes.into(),
        consents_since: row.consents_since,
    }))
}

/// The tenants in which the user has allowed the client these scopes, the latest first.
pub async fn consents(tx: &mut Lookup, user: UserId, client: ClientId, scopes: &Scopes) -> sqlx::Result<Vec<TenantId>> {
    let tenants = sqlx::query_scalar!(
        "SELECT o.tenant_id FROM consents o JOIN clients c ON c.id = o.client_id
         WHERE o.user_id = $1 AND o.client_id = $2 AND o.scopes @> $3
           AND (c.consents_since IS NULL OR o.granted_at >= c.consents_since)
         ORDER BY o.granted_at DESC",
        user.0,
        client.0,
        &scopes.to_vec()
    );
    Ok(tenants.fetch_all(&mut **tx).await?.into_iter().map(TenantId).collect())
}

/// Adds to what the user has allowed before, where that still counts.
pub async fn consent(
    tx: &mut TenantTx,
    user: UserId,
    client: &OAuthClient,
    scopes: &Scopes,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO consents (user_id, client_id, tenant_id, scopes, granted_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (user_id, client_id, tenant_id) DO UPDATE SET granted_at = $5,
           scopes = CASE WHEN consents.granted_at < $6
             THEN excluded.scopes
             ELSE ARRAY(SELECT DISTINCT unnest(consents.scopes || excluded.scopes) ORDER BY 1) END",
        user.0,
        client.id.0,
        tx.tenant().0,
        &scopes.to_vec(),
        now,
        client.consents_since
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// `false` if the client has shown this assertion before.
pub async fn use_assertion(
    conn: &mut PgConnection,
    client: ClientId,
    jti_hash: &[u8],
    expires_at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let insert = sqlx::query!(
        "INSERT INTO client_assertions (client_id, jti_hash, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        client.0,
        jti_hash,
        expires_at
    );
    Ok(insert.execute(conn).await?.rows_affected() == 1)
}
