//! The token endpoint (OAuth 2.1 §3.2): what does a client get for what it shows?

use super::{
    answer::TokenAnswer,
    client_authentication::{self, Authenticated, Caller, Credentials, TenantClient},
    codes,
    error::{Code, OAuthError, Refusal, refuse},
    exchange::{self, Exchange},
    id_token, known,
    scope::{OFFLINE_ACCESS, OPENID, Scopes},
    store::OAuthClient,
};
use crate::{
    app::App,
    clients::secrets,
    issuer::Signed,
    opaque::OpaqueToken,
    sessions::{
        model::{Alive, Grant, Session},
        opening::{self, Consent, Holder},
        routes::NO_STORE,
    },
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode},
};
use common::{
    http::{Form, Json},
    source::Source,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// Body of `POST /v1/oauth/token`. Which fields are read depends on the grant.
#[derive(Deserialize, ToSchema)]
pub struct TokenRequest {
    /// `client_credentials`, `authorization_code`, `refresh_token`, or
    /// `urn:ietf:params:oauth:grant-type:token-exchange`.
    #[schema(value_type = String, required = true, example = "client_credentials")]
    grant_type: Option<String>,
    /// From the authorization endpoint.
    code: Option<String>,
    /// The same as the code was sent to.
    redirect_uri: Option<String>,
    /// What `code_challenge` was made of (RFC 7636).
    code_verifier: Option<String>,
    /// Works once.
    refresh_token: Option<String>,
    /// Less than was agreed to, separated by spaces.
    scope: Option<String>,
    #[serde(flatten)]
    exchange: Exchange,
    #[serde(flatten)]
    credentials: Credentials,
}

#[utoipa::path(post, path = "/v1/oauth/token", operation_id = "issueToken", tag = "oauth",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenAnswer),
        (status = 400, description = "What is wrong, in the words of RFC 6749 §5.2.", body = OAuthError),
        (status = 401, description = "It is not this client.", body = OAuthError),
        (status = 429, description = "`too_many_requests`: wrong credentials from this network.")),
    security(()))]
pub async fn token(
    State(app): State<App>,
    source: Source,
    headers: HeaderMap,
    Form(request): Form<TokenRequest>,
) -> Result<([(HeaderName, &'static str); 1], Json<TokenAnswer>), Refusal> {
    let caller = (source, &headers);
    let answer = match request.grant_type.as_deref() {
        None => return Err(refuse(Code::InvalidRequest, "grant_type is required.")),
        Some("client_credentials") => by_credentials(&app, caller, request.credentials).await?,
        Some("authorization_code") => by_code(&app, caller, request).await?,
        Some("refresh_token") => by_refresh_token(&app, caller, request).await?,
        Some(exchange::GRANT) => {
            exchange::token(&app, caller, request.credentials, request.exchange, request.scope).await?
        }
        Some(_) => return Err(refuse(Code::UnsupportedGrantType, "There is no such grant_type here.")),
    };
    Ok(([NO_STORE], Json(answer)))
}

/// For a machine that acts as itself (RFC 6749 §4.4).
async fn by_credentials(app: &App, caller: Caller<'_>, given: Credentials) -> Result<TokenAnswer, Refusal> {
    let token = match client_authentication::authenticate(app, caller, given).await? {
        Authenticated::Platform(id) => app.issuer.for_client(&id).await?,
        Authenticated::Tenant(TenantClient { client, credential }) => {
            let credential = credential
                .ok_or_else(|| refuse(Code::UnauthorizedClient, "This client has no credentials, so it is nobody."))?;
            secrets::token(app, &client, credential).await?.ok_or_else(known::invalid_client)?
        }
    };
    Ok(TokenAnswer::of(token))
}

async fn by_code(app: &App, caller: Caller<'_>, request: TokenRequest) -> Result<TokenAnswer, Refusal> {
    let client = client_authentication::of_tenant(app, caller, request.credentials).await?;
    let code = request.code.ok_or_else(|| refuse(Code::InvalidRequest, "code is required."))?;
    let shown = (request.redirect_uri.as_deref(), request.code_verifier.as_deref());
    let redeemed = codes::redeem(app, &client, &OpaqueToken::shown(code), shown).await?;
    let Session { id, user_id, .. } = redeemed.alive.session;
    // Whoever deleted the client meanwhile has either found the session, or is seen here.
    if known::find(app, &client.id.to_string()).await?.is_none() {
        opening::end(app, user_id, id, Consent::Kept).await?;
        return Err(known::invalid_client());
    }
    let scopes = redeemed.grant.scopes.within(&client.scopes);
    answer(app, &client, redeemed.alive, &redeemed.grant, scopes, redeemed.nonce).await
}

async fn by_refresh_token(app: &App, caller: Caller<'_>, request: TokenRequest) -> Result<TokenAnswer, Refusal> {
    let client = client_authentication::of_tenant(app, caller, request.credentials).await?;
    let shown = request.refresh_token.ok_or_else(|| refuse(Code::InvalidRequest, "refresh_token is required."))?;
    let wanted = request.scope.map(|scope| scope.parse::<Scopes>()).transpose();
    let wanted = wanted.map_err(|_| refuse(Code::InvalidScope, "scope names something that does not exist."))?;
    let holder = Holder::App { client: client.id, wanted: wanted.as_ref() };
    let alive = opening::renew(app, &OpaqueToken::shown_by_app(shown), holder).await;
    let alive = alive.map_err(|problem| match problem.status {
        StatusCode::UNAUTHORIZED => refuse(Code::InvalidGrant, "The refresh token is not valid any more."),
        StatusCode::FORBIDDEN => refuse(Code::InvalidScope, "scope names something that was not agreed to."),
        _ => Refusal::Problem(problem),
    })?;
    let grant = alive.session.grant.clone().ok_or_else(|| refuse(Code::InvalidGrant, "It is of no app."))?;
    // What the app may ask for may have become less.
    let scopes = wanted.unwrap_or_else(|| grant.scopes.clone()).within(&client.scopes);
    answer(app, &client, alive, &grant, scopes, None).await
}

/// What a client gets of a session that is alive.
async fn answer(
    app: &App,
    client: &OAuthClient,
    alive: Alive,
    grant: &Grant,
    scopes: Scopes,
    nonce: Option<String>,
) -> Result<TokenAnswer, Refusal> {
    let Alive { session, refresh_token } = alive;
    let signed = Signed::from(&session);
    let token = app.issuer.for_app(&signed, client.id, grant, &scopes).await?;
    let id_token = if scopes.has(OPENID) { Some(id_token::of(app, &session, client.id, nonce).await?) } else { None };
    Ok(TokenAnswer {
        refresh_token: grant.scopes.has(OFFLINE_ACCESS).then(|| refresh_token.expose().to_owned()),
        id_token,
        scope: Some(scopes.to_string()),
        ..TokenAnswer::of(token)
    })
}
