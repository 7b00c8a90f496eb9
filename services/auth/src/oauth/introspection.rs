//! Introspection (RFC 7662): does this token still count? Told to whom it was issued, and for whom it is; to others
//! every token is inactive.

use super::{
    client_authentication::{self, Authenticated, Credentials, TenantClient},
    error::{Code, OAuthError, Refusal, refuse},
    store::OAuthClient,
};
use crate::{
    app::App,
    opaque::OpaqueToken,
    sessions::{
        model::{Grant, Session},
        opening,
        routes::NO_STORE,
        store as sessions,
    },
};
use access::token::{Claims, TOKEN_TYPE};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName},
};
use common::{
    http::{Form, Json},
    problem::Problem,
    source::Source,
};
use contracts::id::{SessionId, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /v1/oauth/introspect` and of `POST /v1/oauth/revoke`.
#[derive(Deserialize, ToSchema)]
pub struct TokenQuery {
    /// An access token or a refresh token.
    #[schema(value_type = String, required = true, format = Password)]
    token: Option<String>,
    #[serde(flatten)]
    pub credentials: Credentials,
}

/// What is known of a token (RFC 7662 §2.2).
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct TokenState {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    /// The tenant it acts in.
    #[serde(skip_serializing_if = "Option::is_none")]
    tid: Option<TenantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
}

#[utoipa::path(post, path = "/v1/oauth/introspect", operation_id = "introspectToken", tag = "oauth",
    request_body(content = TokenQuery, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenState),
        (status = 400, description = "What is wrong with the request.", body = OAuthError),
        (status = 401, description = "It is not this client.", body = OAuthError),
        (status = 429, description = "`too_many_requests`: wrong credentials from this network.")),
    extensions(("x-no-idempotency-key" = json!("It changes nothing."))), security(()))]
pub async fn introspect(
    State(app): State<App>,
    source: Source,
    headers: HeaderMap,
    Form(query): Form<TokenQuery>,
) -> Result<([(HeaderName, &'static str); 1], Json<TokenState>), Refusal> {
    let (token, credentials) = query.read()?;
    let state = match client_authentication::authenticate(&app, (source, &headers), credentials).await? {
        Authenticated::Tenant(TenantClient { credential: None, .. }) => {
            return Err(refuse(Code::UnauthorizedClient, "A client without credentials is told nothing."));
        }
        Authenticated::Platform(name) => {
            let audience = app.audiences.of_client(&name);
            access_token(&app, &token).await?.filter(|claims| claims.aud == audience).map(TokenState::of)
        }
        Authenticated::Tenant(TenantClient { client, .. }) => of_tenant(&app, &client, &token).await?,
    };
    Ok(([NO_STORE], Json(state.unwrap_or_default())))
}

impl TokenQuery {
    pub fn read(self) -> Result<(String, Credentials), Refusal> {
        let token = self.token.ok_or_else(|| refuse(Code::InvalidRequest, "token is required."))?;
        Ok((token, self.credentials))
    }
}

/// Of a token that was issued to the client itself.
async fn of_tenant(app: &App, client: &OAuthClient, token: &str) -> Result<Option<TokenState>, Problem> {
    let own = |claims: &Claims| claims.client_id == client.id.to_string();
    if let Some(claims) = access_token(app, token).await?.filter(own) {
        return Ok(Some(TokenState::of(claims)));
    }
    let shown = OpaqueToken::shown_by_app(token);
    let Some((session, true)) = opening::of_token(app, &shown).await? else { return Ok(None) };
    let grant = session.grant.clone().filter(|grant| grant.client_id == client.id);
    Ok(grant.map(|grant| TokenState::of_session(app, &session, grant)))
}

/// What an access token of ours says, while it counts.
pub async fn access_token(app: &App, token: &str) -> Result<Option<Claims>, Problem> {
    let claims = app.keyring.claims::<Claims>(TOKEN_TYPE, token).await?;
    let Some(claims) = claims.filter(|claims| app.issuer.is_own_and_timely(claims)) else { return Ok(None) };
    let Some((tenant, session)) = claims.tid.zip(claims.sid) else { return Ok(Some(claims)) };
    let mut tx = app.db.begin_lookup().await?.enter(tenant).await?;
    let alive = sessions::is_alive(&mut tx, session, app.ambient.now()).await?;
    Ok(alive.then_some(claims))
}

impl TokenState {
    fn of(claims: Claims) -> Self {
        Self {
            active: true,
            token_type: Some("Bearer"),
            scope: claims.scope,
            client_id: Some(claims.client_id),
            sub: Some(claims.sub),
            aud: Some(claims.aud),
            iss: Some(claims.iss),
            exp: Some(claims.exp),
            iat: Some(claims.iat),
            tid: claims.tid,
            sid: claims.sid,
        }
    }

    fn of_session(app: &App, session: &Session, grant: Grant) -> Self {
        Self {
            active: true,
            scope: Some(grant.scopes.to_string()),
            client_id: Some(grant.client_id.to_string()),
            sub: Some(session.user_id.to_string()),
            iss: Some(app.issuer.name().to_owned()),
            exp: Some(session.expires_at.timestamp()),
            tid: Some(session.tenant_id),
            sid: Some(session.id),
            ..Self::default()
        }
    }
}
