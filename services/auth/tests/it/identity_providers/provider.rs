//! A provider that says what a test has it say, signed with its own key, and serves it well or badly.

use crate::support::World;
use aws_lc_rs::{
    digest::{SHA512, digest},
    signature::{Ed25519KeyPair, KeyPair},
};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

pub const DISCOVERY: &str = "/.well-known/openid-configuration";
pub const ACCESS_TOKEN: &str = "acc3ss";
const KID: &str = "key";

/// How it serves something.
#[derive(Clone)]
pub enum Answer {
    Json(Value),
    Status(u16, Value),
    Redirect(String),
    /// Never.
    Silence,
    Huge,
}

#[derive(Clone)]
pub struct Liar {
    pub issuer: String,
    pkcs8: Vec<u8>,
    pub public: Vec<u8>,
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    /// Path, Authorization and body of what it was asked.
    heard: Arc<Mutex<Vec<(String, String, String)>>>,
}

impl Liar {
    pub async fn start() -> Self {
        common::crypto::install();
        let pair = Ed25519KeyPair::generate().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let liar = Self {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            pkcs8: pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
            public: pair.public_key().as_ref().to_vec(),
            answers: Arc::default(),
            heard: Arc::default(),
        };
        let metadata = liar.metadata();
        liar.answer(DISCOVERY, Answer::Json(metadata));
        liar.publish();
        let router = Router::new().fallback(serve).with_state(liar.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        liar
    }

    pub fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({"issuer": self.issuer, "authorization_endpoint": at("/authorize?p=1"), "token_endpoint": at("/token"),
            "jwks_uri": at("/keys"), "userinfo_endpoint": at("/userinfo")})
    }

    /// Its key, among some of kinds that nobody knows.
    pub fn publish(&self) {
        let x = URL_SAFE_NO_PAD.encode(&self.public);
        let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": KID, "use": "sig", "x": x});
        self.answer("/keys", Answer::Json(json!({"keys": [{"kty": "XYZ", "kid": "odd"}, {"kty": "RSA"}, key]})));
    }

    pub fn answer(&self, path: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// Whom it has signed in: Ada, but for `changes`; null leaves a claim out.
    pub fn claims(&self, world: &World, asked: &BTreeMap<String, String>, changes: Value) -> Value {
        let now = world.clock.now().timestamp();
        let mut claims = json!({"iss": self.issuer, "sub": "ada-at-liar", "aud": asked["client_id"], "exp": now + 300,
            "iat": now, "nonce": asked["nonce"], "email": "ada@acme.test", "email_verified": true});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    pub fn say(&self, world: &World, asked: &BTreeMap<String, String>, changes: Value) {
        self.hand_out(&self.signed(&self.claims(world, asked, changes)));
    }

    /// The token endpoint's next answers have this ID token.
    pub fn hand_out(&self, id_token: &str) {
        let tokens = json!({"access_token": ACCESS_TOKEN, "token_type": "bearer", "id_token": id_token});
        self.answer("/token", Answer::Json(tokens));
    }

    pub fn signed(&self, claims: &Value) -> String {
        let header = Header { kid: Some(KID.into()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(&self.pkcs8)).unwrap()
    }

    /// By HMAC, with its public key as what both would know.
    pub fn signed_by_hmac(&self, claims: &Value) -> String {
        let header = Header { kid: Some(KID.into()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&self.public)).unwrap()
    }

    /// What it was asked at a path: Authorization and body.
    pub fn heard(&self, path: &str) -> Vec<(String, String)> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|(at, ..)| at == path).map(|(_, by, body)| (by.clone(), body.clone())).collect()
    }
}

/// A token with any header, and no signature.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(header), part(claims))
}

pub fn at_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA512, access_token.as_bytes()).as_ref()[..32])
}

async fn serve(State(liar): State<Liar>, request: axum::extract::Request) -> Response {
    let path = request.uri().path().to_owned();
    let by = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let by = by.unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 100_000).await.unwrap();
    liar.heard.lock().unwrap().push((path.clone(), by, String::from_utf8(body.to_vec()).unwrap()));
    let answer = liar.answers.lock().unwrap().get(&path).cloned();
    match answer {
        Some(Answer::Json(body)) => axum::Json(body).into_response(),
        Some(Answer::Status(status, body)) => (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response(),
        Some(Answer::Redirect(to)) => Redirect::temporary(&to).into_response(),
        Some(Answer::Silence) => std::future::pending().await,
        Some(Answer::Huge) => Body::from(vec![b' '; 300 * 1024]).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
