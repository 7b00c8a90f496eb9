//! Endpoint of the public keys.

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
pub const CACHED: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");

/// Whoever caches the keys believes them for no longer than our services do, or a key could not be withdrawn.
fn cached_keys() -> (HeaderName, String) {
    (header::CACHE_CONTROL, format!("public, max-age={}, must-revalidate", KEYS_BELIEVED.as_secs()))
}

/// A JWK set (RFC 7517 §5).
#[derive(Serialize, ToSchema)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

#[utoipa::path(get, path = "/.well-known/jwks.json", operation_id = "getJwks", tag = "keys",
    responses((status = 200, body = Jwks)), security(()))]
pub async fn jwks(State(app): State<App>) -> Result<([(HeaderName, String); 1], Json<Jwks>), Problem> {
    Ok(([cached_keys()], Json(Jwks { keys: app.keyring.public().await? })))
}
