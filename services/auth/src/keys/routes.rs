//! Endpoints of the public keys and of the discovery document, where RFC 8414 and OpenID Connect Discovery say.

use super::pair::Jwk;
use crate::app::App;
use access::token::KEYS_BELIEVED;
use axum::{
    extract::State,
    http::{HeaderName, header},
};
use common::{http::Json, problem::Problem};
use serde::Serialize;
use utoipa::ToSchema;

/// What the document says changes with a deployment.
const CACHED: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");

/// Whoever caches the keys believes them for no longer than our services do, or a key could not be withdrawn.
fn cached_keys() -> (HeaderName, String) {
    (header::CACHE_CONTROL, format!("public, max-age={}, must-revalidate", KEYS_BELIEVED.as_secs()))
}

/// A JWK set (RFC 7517 §5).
#[derive(Serialize, ToSchema)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

/// The parts of the discovery document that auth has so far.
#[derive(Serialize, ToSchema)]
pub struct Discovery {
    issuer: String,
    jwks_uri: String,
    token_endpoint: String,
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    response_types_supported: Vec<&'static str>,
    subject_types_supported: Vec<&'static str>,
    id_token_signing_alg_values_supported: Vec<&'static str>,
}

#[utoipa::path(get, path = "/.well-known/jwks.json", operation_id = "getJwks", tag = "keys",
    responses((status = 200, body = Jwks)), security(()))]
pub async fn jwks(State(app): State<App>) -> Result<([(HeaderName, String); 1], Json<Jwks>), Problem> {
    Ok(([cached_keys()], Json(Jwks { keys: app.keyring.public().await? })))
}

#[utoipa::path(get, path = "/.well-known/openid-configuration", operation_id = "getOpenidConfiguration", tag = "keys",
    responses((status = 200, body = Discovery)), security(()))]
pub async fn discovery(State(app): State<App>) -> ([(HeaderName, &'static str); 1], Json<Discovery>) {
    let discovery = Discovery {
        issuer: app.issuer.name().to_owned(),
        jwks_uri: format!("{}/.well-known/jwks.json", app.public_url),
        token_endpoint: format!("{}/v1/oauth/token", app.public_url),
        grant_types_supported: vec!["client_credentials"],
        token_endpoint_auth_methods_supported: vec!["client_secret_basic", "client_secret_post"],
        response_types_supported: Vec::new(),
        subject_types_supported: vec!["public"],
        id_token_signing_alg_values_supported: vec!["EdDSA"],
    };
    ([CACHED], Json(discovery))
}
