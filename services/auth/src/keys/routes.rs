//! Endpoint of the public keys.

use super::keyring::Jwk;
use crate::app::App;
use axum::{
    extract::State,
    http::{HeaderName, header},
};
use common::{http::Json, problem::Problem};
use serde::Serialize;
use utoipa::ToSchema;

/// Keys change at most monthly and are published a day before they sign; an unknown `kid` makes verifiers ask at once.
pub const CACHED: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");

/// A JWK set (RFC 7517 §5).
#[derive(Serialize, ToSchema)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

#[utoipa::path(get, path = "/.well-known/jwks.json", operation_id = "getJwks", tag = "keys",
    responses((status = 200, body = Jwks)), security(()))]
pub async fn jwks(State(app): State<App>) -> Result<([(HeaderName, &'static str); 1], Json<Jwks>), Problem> {
    Ok(([CACHED], Json(Jwks { keys: app.keyring.public().await? })))
}
