//! Discovery (OpenID Connect Discovery §3, RFC 8414 §2): what clients must know of this server.

use super::{exchange, scope};
use crate::{
    app::App,
    factors::authentication::{ONE_FACTOR, TWO_FACTORS},
    keys::routes::CACHED,
};
use axum::{extract::State, http::HeaderName};
use common::http::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// How clients may authenticate.
const METHODS: [&str; 4] = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
const ASSERTION_ALGORITHMS: [&str; 4] = ["EdDSA", "ES256", "RS256", "PS256"];

#[derive(Serialize, ToSchema)]
pub struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    end_session_endpoint: String,
    pushed_authorization_request_endpoint: String,
    response_types_supported: &'static [&'static str],
    response_modes_supported: &'static [&'static str],
    grant_types_supported: &'static [&'static str],
    code_challenge_methods_supported: &'static [&'static str],
    scopes_supported: &'static [&'static str],
    claims_supported: &'static [&'static str],
    subject_types_supported: &'static [&'static str],
    id_token_signing_alg_values_supported: &'static [&'static str],
    token_endpoint_auth_methods_supported: &'static [&'static str],
    token_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    prompt_values_supported: &'static [&'static str],
    acr_values_supported: &'static [&'static str],
    /// `iss` stands in every answer (RFC 9207).
    authorization_response_iss_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    claims_parameter_supported: bool,
}

#[utoipa::path(get, path = "/.well-known/openid-configuration", operation_id = "getOpenidConfiguration", tag = "oauth",
    responses((status = 200, body = Discovery)), security(()))]
pub async fn openid(State(app): State<App>) -> ([(HeaderName, &'static str); 1], Json<Discovery>) {
    ([CACHED], Json(document(&app)))
}

#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", operation_id = "getAuthorizationServerMetadata",
    tag = "oauth", responses((status = 200, body = Discovery)), security(()))]
pub async fn oauth(State(app): State<App>) -> ([(HeaderName, &'static str); 1], Json<Discovery>) {
    ([CACHED], Json(document(&app)))
}

fn document(app: &App) -> Discovery {
    let at = |path: &str| format!("{}{path}", app.public_url);
    Discovery {
        issuer: app.issuer.name().to_owned(),
        authorization_endpoint: at("/v1/oauth/authorize"),
        token_endpoint: at("/v1/oauth/token"),
        userinfo_endpoint: at("/v1/oauth/userinfo"),
        jwks_uri: at("/.well-known/jwks.json"),
        revocation_endpoint: at("/v1/oauth/revoke"),
        introspection_endpoint: at("/v1/oauth/introspect"),
        end_session_endpoint: at("/v1/oauth/logout"),
        pushed_authorization_request_endpoint: at("/v1/oauth/par"),
        response_types_supported: &["code"],
        response_modes_supported: &["query"],
        grant_types_supported: &["authorization_code", "client_credentials", "refresh_token", exchange::GRANT],
        code_challenge_methods_supported: &["S256"],
        scopes_supported: &scope::WORDS,
        claims_supported: &[
            "sub",
            "iss",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "acr",
            "amr",
            "nonce",
            "sid",
            "name",
            "email",
            "email_verified",
        ],
        subject_types_supported: &["public"],
        id_token_signing_alg_values_supported: &["EdDSA"],
        token_endpoint_auth_methods_supported: &METHODS,
        token_endpoint_auth_signing_alg_values_supported: &ASSERTION_ALGORITHMS,
        acr_values_supported: &[ONE_FACTOR, TWO_FACTORS],
        prompt_values_supported: &["none", "login", "consent", "select_account"],
        authorization_response_iss_parameter_supported: true,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
        claims_parameter_supported: false,
    }
}
