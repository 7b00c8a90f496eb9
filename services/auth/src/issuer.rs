//! Issuer of access tokens: what does a token say?

use crate::{
    api_keys::store::WorkingKey,
    factors::authentication::acr,
    keys::Keyring,
    oauth::scope::Scopes,
    sessions::model::{Grant, Session},
};
use access::token::Claims;
use chrono::{DateTime, Utc};
use common::{ambient::Ambient, config::Base, problem::Problem};
use contracts::id::{ClientId, SessionId, TenantId, UserId};
use std::time::Duration;

/// Lifetime of a token of a machine or for an API key.
pub const MACHINE_TOKEN: Duration = Duration::from_secs(300);
/// `client_id` of tokens that people get by logging in.
pub const WEB: &str = "web";
/// `client_id` of tokens that stand for an API key.
const API_KEY: &str = "api-key";

/// Issues access tokens (RFC 9068); cheap to clone.
#[derive(Clone)]
pub struct Issuer {
    keyring: Keyring,
    ambient: Ambient,
    name: String,
    audience: String,
    user_token: Duration,
}

/// Whose token it is.
pub struct Signed {
    pub user: UserId,
    pub tenant: TenantId,
    pub session: SessionId,
    /// When they last proved who they are, and by which methods (RFC 8176).
    pub authenticated_at: DateTime<Utc>,
    pub amr: Vec<String>,
    /// The token does not outlive the session.
    pub session_expires_at: DateTime<Utc>,
}

impl From<&Session> for Signed {
    fn from(session: &Session) -> Self {
        Self {
            user: session.user_id,
            tenant: session.tenant_id,
            session: session.id,
            authenticated_at: session.authenticated_at(),
            amr: session.methods(),
            session_expires_at: session.expires_at,
        }
    }
}

/// An access token and how long it lives.
pub struct AccessToken {
    pub text: String,
    pub seconds: u64,
}

impl Issuer {
    pub fn new(base: &Base, keyring: Keyring, ambient: Ambient, user_token: Duration) -> Self {
        Self { keyring, ambient, name: base.token_issuer.clone(), audience: base.token_audience.clone(), user_token }
    }

    /// `iss` of every token.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub async fn for_user(&self, signed: &Signed) -> Result<AccessToken, Problem> {
        let (claims, lifetime) = self.of_person(signed, WEB);
        self.issue(&claims, lifetime).await
    }

    /// For an app of a person's, within `scopes` of what they have allowed it.
    pub async fn for_app(
        &self,
        signed: &Signed,
        client: ClientId,
        grant: &Grant,
        scopes: &Scopes,
    ) -> Result<AccessToken, Problem> {
        let (claims, lifetime) = self.of_person(signed, &client.to_string());
        let claims = Claims { aud: grant.audience.clone(), scope: Some(scopes.to_string()), ..claims };
        self.issue(&claims, lifetime).await
    }

    /// A token that says what another one said, as changed, and does not outlive it; that of an actor lives no longer
    /// than any machine's.
    pub async fn again(&self, claims: Claims) -> Result<AccessToken, Problem> {
        let now = self.ambient.now().timestamp();
        let left = Duration::from_secs(u64::try_from(claims.exp - now).unwrap_or_default());
        let lifetime = if claims.act.is_some() { left.min(MACHINE_TOKEN) } else { left };
        let exp = now.saturating_add_unsigned(lifetime.as_secs());
        let claims = Claims { iat: now, exp, jti: self.ambient.uuid().to_string(), ..claims };
        self.issue(&claims, lifetime).await
    }

    /// Whether claims that a key of ours has signed are of this issuer, and not over.
    pub fn is_own_and_timely(&self, claims: &Claims) -> bool {
        claims.iss == self.name && self.ambient.now().timestamp() < claims.exp
    }

    fn of_person(&self, signed: &Signed, client_id: &str) -> (Claims, Duration) {
        let left = (signed.session_expires_at - self.ambient.now()).to_std().unwrap_or_default();
        let lifetime = self.user_token.min(left);
        let claims = Claims {
            tid: Some(signed.tenant),
            sid: Some(signed.session),
            auth_time: Some(signed.authenticated_at.timestamp()),
            acr: Some(acr(&signed.amr).into()),
            amr: signed.amr.clone(),
            ..self.claims(signed.user.to_string(), client_id, lifetime)
        };
        (claims, lifetime)
    }

    pub async fn for_client(&self, client_id: &str) -> Result<AccessToken, Problem> {
        self.issue(&self.claims(client_id.to_owned(), client_id, MACHINE_TOKEN), MACHINE_TOKEN).await
    }

    /// For a client of a tenant, by one of its secrets.
    pub async fn for_machine(
        &self,
        tenant: TenantId,
        client: ClientId,
        secret: SessionId,
    ) -> Result<AccessToken, Problem> {
        let claims = Claims {
            tid: Some(tenant),
            sid: Some(secret),
            ..self.claims(client.to_string(), &client.to_string(), MACHINE_TOKEN)
        };
        self.issue(&claims, MACHINE_TOKEN).await
    }

    /// For the owner of an API key, within its permissions. The token does not outlive the key.
    pub async fn for_api_key(&self, key: &WorkingKey, audience: String) -> Result<AccessToken, Problem> {
        let left = key.expires_at.map(|at| (at - self.ambient.now()).to_std().unwrap_or_default());
        let lifetime = left.map_or(MACHINE_TOKEN, |left| left.min(MACHINE_TOKEN));
        let claims = Claims {
            aud: audience,
            tid: Some(key.tenant_id),
            sid: Some(SessionId(key.id.0)),
            scope: Some(key.permissions.join(" ")),
            ..self.claims(key.user_id.to_string(), API_KEY, lifetime)
        };
        self.issue(&claims, lifetime).await
    }

    async fn issue(&self, claims: &Claims, lifetime: Duration) -> Result<AccessToken, Problem> {
        Ok(AccessToken { text: self.keyring.sign(claims).await?, seconds: lifetime.as_secs() })
    }

    fn claims(&self, sub: String, client_id: &str, lifetime: Duration) -> Claims {
        let now = self.ambient.now().timestamp();
        Claims {
            iss: self.name.clone(),
            aud: self.audience.clone(),
            sub,
            client_id: client_id.to_owned(),
            iat: now,
            exp: now.saturating_add_unsigned(lifetime.as_secs()),
            jti: self.ambient.uuid().to_string(),
            ..Claims::default()
        }
    }
}
