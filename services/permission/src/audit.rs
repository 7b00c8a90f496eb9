//! Who changed what? One entry a change, in its transaction, chained by hashes to the one before.

pub mod routes;
pub mod store;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use common::token::Claims;
use contracts::id::Principal;
use serde_json::{Value, json};
use std::convert::Infallible;

/// One change to be written down.
pub struct Entry<'a> {
    pub action: &'a str,
    pub target: &'a str,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub actor: &'a Principal,
    pub origin: &'a Value,
}

/// From where a request came.
#[derive(Clone, Debug)]
pub struct Origin {
    request_id: String,
    address: Option<String>,
}

impl Origin {
    pub fn of(&self, claims: &Claims) -> Value {
        json!({"request_id": self.request_id, "address": self.address, "client_id": claims.client_id, "session_id": claims.sid})
    }
}

impl Origin {
    /// Of a change that a platform service asks for.
    pub fn internal(&self, client_id: &str) -> Value {
        json!({"request_id": self.request_id, "client_id": client_id})
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let request_id = text(&parts.headers, "x-request-id").unwrap_or_default();
        // Only the last hop was written by our own load balancer; whatever stands before it the caller may have made up.
        let address = text(&parts.headers, "x-forwarded-for").and_then(|hops| hops.rsplit(',').next()?.trim().parse::<std::net::IpAddr>().ok());
        Ok(Self { request_id, address: address.map(|address| address.to_string()) })
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
