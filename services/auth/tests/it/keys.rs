//! Signing keys as they are published, and tokens that are refused.

use crate::support::{World, config, environment, text};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{
    ambient::Ambient,
    server::{Bound, Lifecycle},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use test_support::eventually;

#[tokio::test]
async fn keys_are_published_and_outlive_the_process() {
    let world = World::start().await;
    let jwks = world.server.get("/.well-known/jwks.json").await.expect(200);
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("SELECT sealed_private_key FROM signing_keys")
        .fetch_all(&world.platform.pool)
        .await
        .unwrap();
    assert_eq!(stored.len(), 2);
    for key in stored {
        assert!(!key.windows(4).any(|bytes| bytes == [0x2b, 0x65, 0x70, 0x04]), "a stored key is plain PKCS #8");
    }

    let discovery = world.server.get("/.well-known/openid-configuration").await.expect(200);
    assert_eq!(text(&discovery, "issuer"), world.server.url);
    assert_eq!(text(&discovery, "jwks_uri"), "https://auth.test/.well-known/jwks.json");

    let second = world.platform.run::<auth::Auth>(environment(&world.platform)).await;
    assert_eq!(second.get("/.well-known/jwks.json").await.expect(200), jwks);
    let ready = eventually("auth is ready", async || {
        Some(world.server.ops("/readyz").await).filter(|answer| answer.status == 200)
    })
    .await;
    assert_eq!(ready.json["parts"], json!({"database": "up", "keys": "up", "redis": "up"}));
}

#[tokio::test]
async fn only_public_members_are_published_and_for_how_long_is_said() {
    let world = World::start().await;
    let answer = world.server.get("/.well-known/jwks.json").await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=60, must-revalidate"));
    let jwks = answer.expect(200);
    let keys = jwks["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2, "the current key and the next");
    for key in keys {
        let members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"], "the private key stays at home");
        assert_eq!(
            (text(key, "kty"), text(key, "crv"), text(key, "alg"), text(key, "use")),
            ("OKP", "Ed25519", "EdDSA", "sig")
        );
    }
    let discovery = world.server.get("/.well-known/openid-configuration").await;
    assert_eq!(discovery.header("cache-control"), Some("public, max-age=300"));
}

#[tokio::test]
async fn processes_that_start_together_make_the_keys_once() {
    let world = World::start().await;
    sqlx::query("DELETE FROM signing_keys").execute(&world.platform.pool).await.unwrap();
    let start = || world.platform.run::<auth::Auth>(environment(&world.platform));
    let (a, b) = tokio::join!(start(), start());
    let (a, b) = tokio::join!(a.get("/.well-known/jwks.json").send(), b.get("/.well-known/jwks.json").send());
    assert_eq!(a.expect(200), b.expect(200));
    assert_eq!(world.count("signing_keys").await, 2);
}

#[tokio::test]
async fn another_key_encryption_key_is_told_at_start() {
    let world = World::start().await;
    world.server.get("/.well-known/jwks.json").await.expect(200);
    let mut variables = environment(&world.platform);
    variables.insert("KEY_ENCRYPTION_KEY".into(), "YW5vdGhlciBrZXksIGFub3RoZXIga2V5LCBhbm90aGU=".into());
    let config = config(variables);
    let bound = Bound::bind(&config.base).await.unwrap();
    let fault =
        service_kit::start::<auth::Auth>(config, bound, Ambient::system(), Lifecycle::default()).await.unwrap_err();
    assert!(fault.to_string().contains("another key than KEY_ENCRYPTION_KEY"), "{fault}");
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    let token = text(&session, "access_token");
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("a JWT has three parts")
    };
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());

    let mut other = claims.clone();
    other["sub"] = json!(world.platform.ambient.uuid());
    let tampered = format!("{header}.{}.{signature}", encode(&other));
    let none = format!("{}.{payload}.", encode(&json!({"alg": "none", "typ": "at+jwt"})));
    let jwks = world.server.get("/.well-known/jwks.json").await.expect(200);
    let public = URL_SAFE_NO_PAD.decode(text(&jwks["keys"][0], "x")).unwrap();
    let kid = text(&jwks["keys"][0], "kid").to_owned();
    let hs256 = Header { typ: Some("at+jwt".into()), kid: Some(kid), ..Header::new(Algorithm::HS256) };
    let by_public_key = jsonwebtoken::encode(&hs256, &claims, &EncodingKey::from_secret(&public)).unwrap();
    for forged in
        [tampered, none, by_public_key, world.platform.issuer.sign_value(&claims), token[..token.len() - 4].to_owned()]
    {
        world.server.get("/v1/me").bearer(&forged).await.problem(401, "token_invalid");
    }
    world.server.get("/v1/me").await.problem(401, "token_missing");
    world.server.get("/v1/me").bearer(token).await.expect(200);
}
