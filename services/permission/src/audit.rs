//! Audit: who changed what. One entry a change, in its transaction, chained by hashes to the one before.

pub mod routes;
pub mod store;

use access::token::Claims;
use axum::{
    extract::{ConnectInfo, FromRef, FromRequestParts},
    http::request::Parts,
};
use common::source::{self, TrustedProxies};
use serde_json::{Value, json};
use std::{convert::Infallible, net::SocketAddr};

/// From where a request came.
#[derive(Clone, Debug)]
pub struct Origin {
    request_id: String,
    address: Option<String>,
}

impl Origin {
    pub fn of(&self, claims: &Claims) -> Value {
        json!({"request_id": self.request_id, "address": self.address, "client_id": claims.client_id,
            "session_id": claims.sid})
    }

    /// Of a change that a platform service asks for.
    pub fn internal(&self, client_id: &str) -> Value {
        json!({"request_id": self.request_id, "client_id": client_id})
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin
where
    TrustedProxies: FromRef<S>,
{
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let request_id =
            parts.headers.get(common::http::REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let address =
            peer.map(|peer| source::address(peer, &parts.headers, TrustedProxies::from_ref(state)).to_string());
        Ok(Self { request_id, address })
    }
}
