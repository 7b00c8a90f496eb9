//! How clients show who they are.

use super::{Provider, refused};
use crate::support::text;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A key of a client, with what it publishes of it.
struct Signer {
    key: EncodingKey,
    algorithm: Algorithm,
    jwk: Value,
}

impl Signer {
    fn ed25519() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let key = EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref());
        Self { key, algorithm: Algorithm::EdDSA, jwk: json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "ed"}) }
    }

    fn p256() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref().to_vec();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "ec"});
        Self { key, algorithm: Algorithm::ES256, jwk }
    }

    fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(text(&self.jwk, "kid").to_owned()), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }
}

struct Signing {
    provider: Provider,
    client: String,
}

impl Signing {
    async fn start(keys: &[&Signer]) -> Self {
        let provider = Provider::start().await;
        let jwks = json!({"keys": keys.iter().map(|key| key.jwk.clone()).collect::<Vec<_>>()});
        let made = provider.register(json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks})).await;
        assert!(made.get("secret").is_none(), "{made}");
        let client = text(&made["client"], "id").to_owned();
        Self { provider, client }
    }

    fn claims(&self, jti: &str) -> Value {
        let exp = (self.provider.world.clock.now() + TimeDelta::minutes(5)).timestamp();
        json!({"iss": self.client, "sub": self.client, "aud": self.provider.world.server.url, "exp": exp, "jti": jti})
    }

    async fn ask(&self, assertion: &str) -> test_support::TestAnswer {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION),
            ("client_assertion", assertion),
        ];
        self.provider.world.server.post_form("/v1/oauth/token", &form).await
    }
}

/// RFC 7523 §3, OpenID Connect Core §9: `private_key_jwt`.
#[tokio::test]
async fn a_client_signs_an_assertion_for_each_token() {
    let (ed, ec) = (Signer::ed25519(), Signer::p256());
    let signing = Signing::start(&[&ed, &ec]).await;
    let first = ed.sign(&signing.claims("1"));
    let token = signing.ask(&first).await.expect(200);
    signing.ask(&ec.sign(&signing.claims("2"))).await.expect(200);
    let me = signing.provider.world.server.get("/v1/me").bearer(text(&token, "access_token")).await.expect(200);
    assert_eq!(me["client"]["id"], signing.client);
    // Each counts once.
    refused(&signing.ask(&first).await, 401, "invalid_client");
    // And ends with the client.
    let gone = signing.provider.world.server.delete(&format!("/v1/clients/{}", signing.client));
    gone.bearer(&signing.provider.token).await.expect(204);
    let ended = signing.provider.world.server.get("/v1/me").bearer(text(&token, "access_token")).await;
    ended.problem(401, "session_ended");
    refused(&signing.ask(&ed.sign(&signing.claims("3"))).await, 401, "invalid_client");
}

/// RFC 7523 §3, RFC 8725 §3.1, §3.8, §3.9.
#[tokio::test]
async fn only_a_sound_assertion_is_taken() {
    let (own, foreign, ec) = (Signer::ed25519(), Signer::ed25519(), Signer::p256());
    let signing = Signing::start(&[&own]).await;
    let now = signing.provider.world.clock.now().timestamp();
    for (claim, value) in [
        ("iss", json!("somebody")),
        ("sub", json!(signing.provider.client)),
        ("aud", json!("https://evil.test")),
        ("exp", json!(now - 6)),
        ("exp", json!(now + 306)),
        ("exp", Value::Null),
        ("jti", Value::Null),
        ("jti", json!("")),
        ("jti", json!("x".repeat(256))),
    ] {
        let mut claims = signing.claims("1");
        claims[claim] = value.clone();
        refused(&signing.ask(&own.sign(&claims)).await, 401, "invalid_client");
    }
    refused(&signing.ask(&foreign.sign(&signing.claims("2"))).await, 401, "invalid_client");
    refused(&signing.ask(&ec.sign(&signing.claims("3"))).await, 401, "invalid_client");
    let none = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), {
        URL_SAFE_NO_PAD.encode(signing.claims("4").to_string())
    });
    refused(&signing.ask(&none).await, 401, "invalid_client");
    refused(&signing.ask("made up").await, 401, "invalid_client");
    assert_eq!(signing.provider.world.count("client_assertions").await, 0, "what was refused was not used up");
    let mut claims = signing.claims("5");
    claims["aud"] = json!([format!("{}/v1/oauth/token", crate::support::PUBLIC_URL)]);
    signing.ask(&own.sign(&claims)).await.expect(200);
    let later = signing.provider.world.clock.now() + TimeDelta::minutes(6);
    signing.provider.world.sweep(later).await;
    assert_eq!(signing.provider.world.count("client_assertions").await, 0);
}

/// RFC 6749 §2.3, §2.3.1: one way at a time, and the way that was registered.
#[tokio::test]
async fn a_client_is_known_in_the_way_that_it_registered() {
    let provider = Provider::start().await;
    let public = json!({"token_endpoint_auth_method": "none"});
    let public = text(&provider.register(public).await["client"], "id").to_owned();
    let server = &provider.world.server;
    let form = |client: &str, secret: &str| {
        let form = [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", secret)];
        server.post_form("/v1/oauth/token", &form[..if secret.is_empty() { 2 } else { 3 }])
    };
    form(&provider.client, &provider.secret).await.expect(200);
    refused(&form(&provider.client, "").await, 401, "invalid_client");
    refused(&form(&public, &provider.secret).await, 401, "invalid_client");
    refused(&form(&public, "").await, 400, "unauthorized_client");
    let basic = |id: &str, secret: &str| {
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
        format!("Basic {encoded}")
    };
    let grant = [("grant_type", "client_credentials")];
    let by_header = |header: String| server.post_form("/v1/oauth/token", &grant).header("authorization", &header);
    by_header(basic(&provider.client, &provider.secret)).await.expect(200);
    refused(&by_header(basic(&provider.client, "wrong")).await, 401, "invalid_client");
    let both = [("grant_type", "client_credentials"), ("client_id", "x")];
    let both = server.post_form("/v1/oauth/token", &both).header("authorization", &basic(&provider.client, "x"));
    refused(&both.await, 400, "invalid_request");
    let secret = server.request(reqwest::Method::POST, &format!("/v1/clients/{public}/secrets"));
    secret.bearer(&provider.token).await.problem(409, "no_secrets");
}

#[tokio::test]
async fn what_a_client_registers_is_shown_and_checked() {
    let provider = Provider::start().await;
    let server = &provider.world.server;
    let shown = server.get(&format!("/v1/clients/{}", provider.client)).bearer(&provider.token).await.expect(200);
    assert_eq!(shown["client"]["redirect_uris"], json!([super::CALLBACK]));
    assert_eq!(shown["client"]["token_endpoint_auth_method"], "client_secret_basic");
    let wrong = json!({"name": "x", "redirect_uris": ["http://app.test/"], "scope": "everything"});
    server.post("/v1/clients", &wrong).bearer(&provider.token).await.invalid(&["redirect_uris[0]", "scope"]);
}

impl Signing {
    async fn edit(&self, etag: &str, body: Value) -> test_support::TestAnswer {
        let path = format!("/v1/clients/{}", self.client);
        self.provider.world.server.put(&path, &body).bearer(&self.provider.token).header("if-match", etag).await
    }
}

/// The same as with two secrets: the new key works before the old one does not.
#[tokio::test]
async fn the_keys_of_a_client_can_be_changed_without_a_gap() {
    let (old, new) = (Signer::ed25519(), Signer::p256());
    let signing = Signing::start(&[&old]).await;
    let with = |keys: &[&Signer]| {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk.clone()).collect();
        json!({"name": "signs", "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": keys}})
    };
    refused(&signing.ask(&new.sign(&signing.claims("1"))).await, 401, "invalid_client");
    let edited = signing.edit("\"1\"", with(&[&old, &new])).await;
    assert_eq!(edited.header("etag"), Some("\"2\""));
    assert_eq!(edited.expect(200)["jwks"]["keys"].as_array().unwrap().len(), 2);
    signing.ask(&old.sign(&signing.claims("2"))).await.expect(200);
    signing.ask(&new.sign(&signing.claims("3"))).await.expect(200);
    signing.edit("\"2\"", with(&[&new])).await.expect(200);
    refused(&signing.ask(&old.sign(&signing.claims("4"))).await, 401, "invalid_client");
    signing.ask(&new.sign(&signing.claims("5"))).await.expect(200);
    // Nobody overwrites what they have not seen, and what a client is stays.
    signing.edit("\"2\"", with(&[&old])).await.problem(412, "client_edited");
    signing.edit("*", json!({"name": "signs"})).await.invalid(&["token_endpoint_auth_method"]);
    signing.edit("*", with(&[])).await.invalid(&["jwks"]);
    let gone = format!("/v1/clients/{}", uuid::Uuid::nil());
    let server = &signing.provider.world.server;
    let unknown = server.put(&gone, &with(&[&new])).bearer(&signing.provider.token).header("if-match", "*").await;
    unknown.problem(404, "client_not_found");
}
