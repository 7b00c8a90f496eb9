//! Issuer of a test's tokens: a key of its own, published like auth publishes its keys, with client-credentials tokens
//! for any platform client.
//! At the same address it answers as auth and the permission service ([`Neighbours`]).

use crate::neighbours::Neighbours;
use access::token::{Claims, TOKEN_TYPE};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::{Form, Json, Router, routing::get, routing::post};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::ambient::Ambient;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{ops::Deref, sync::Arc};
use tokio::net::TcpListener;

const KEY_ID: &str = "test-key";
pub(crate) const AUDIENCE: &str = "sevenleague";

/// A token issuer on a port of its own; it fills no permissions.
#[derive(Clone)]
pub struct TestIssuer {
    pub url: String,
    key: Arc<EncodingKey>,
    ambient: Ambient,
    neighbours: Neighbours,
}

#[derive(Deserialize)]
struct TokenForm {
    client_id: String,
}

/// What is true around the service under test is told to it here.
impl Deref for TestIssuer {
    type Target = Neighbours;
    fn deref(&self) -> &Neighbours {
        &self.neighbours
    }
}

impl TestIssuer {
    pub async fn start(ambient: Ambient) -> Self {
        common::crypto::install();
        let pair = Ed25519KeyPair::generate().expect("generating a key");
        let key = EncodingKey::from_ed_der(pair.to_pkcs8v1().expect("encoding a key").as_ref());
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY_ID,
            "x": URL_SAFE_NO_PAD.encode(pair.public_key().as_ref())});
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binding a port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let issuer = Self { url, key: Arc::new(key), ambient, neighbours: Neighbours::default() };
        let signer = issuer.clone();
        let token = post(async move |Form(form): Form<TokenForm>| {
            Json(json!({"access_token": signer.client(&form.client_id), "token_type": "Bearer", "expires_in": 300}))
        });
        let router = Router::new()
            .route("/.well-known/jwks.json", get(async move || Json(json!({"keys": [jwk]}))))
            .route("/v1/oauth/token", token)
            .merge(issuer.neighbours.router());
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    /// Claims of a token for `sub` that is valid for ten minutes.
    pub fn claims(&self, sub: &str, client_id: &str) -> Claims {
        let now = self.ambient.now().timestamp();
        Claims {
            iss: self.url.clone(),
            aud: AUDIENCE.into(),
            sub: sub.into(),
            client_id: client_id.into(),
            iat: now,
            exp: now + 600,
            jti: self.ambient.uuid().to_string(),
            ..Claims::default()
        }
    }

    /// A token of a platform client.
    pub fn client(&self, client_id: &str) -> String {
        self.sign(&self.claims(client_id, client_id))
    }

    pub fn sign(&self, claims: &Claims) -> String {
        self.sign_value(&serde_json::to_value(claims).expect("claims are JSON"))
    }

    /// Signs any payload, also one that no verifier should take.
    pub fn sign_value(&self, payload: &Value) -> String {
        jsonwebtoken::encode(&header(), payload, &self.key).expect("signing")
    }

    /// Signs claims under a header that asks for an extension which nobody has (RFC 7515 §4.1.11).
    pub fn sign_critical(&self, claims: &Claims) -> String {
        jsonwebtoken::encode(&Header { crit: Some(vec!["x-unheard-of".into()]), ..header() }, claims, &self.key)
            .expect("signing")
    }
}

fn header() -> Header {
    Header { typ: Some(TOKEN_TYPE.into()), kid: Some(KEY_ID.into()), ..Header::new(Algorithm::EdDSA) }
}
