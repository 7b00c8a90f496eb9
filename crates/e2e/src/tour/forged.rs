//! Forged tokens, made by somebody who has a sound one and our public keys (RFC 8725 §2).

use super::{
    http::text,
    jwt::{decode, parts},
};
use anyhow::{Context, Result};
use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// What each is called, and the token.
pub fn all(sound: &str, jwks: &Value) -> Result<Vec<(&'static str, String)>> {
    let [header, payload, signature] = parts(sound)?;
    let (claims, head) = (decode(payload)?, decode(header)?);
    let operator = encode(&with(&claims, "sub", json!("00000000-0000-7000-8000-000000000000")));
    let unsigned = encode(&with(&head, "alg", json!("none")));
    let key = BASE64_URL_SAFE_NO_PAD.decode(text(jwks, "/keys/0/x")?)?;
    let symmetric = with(&head, "alg", json!("HS256"));
    Ok(vec![
        ("no token at all", String::new()),
        ("nonsense", "nonsense".into()),
        ("a tampered payload", format!("{header}.{operator}.{signature}")),
        ("a longer life", format!("{header}.{}.{signature}", encode(&with(&claims, "exp", json!(4_102_444_800_u64))))),
        ("a tampered signature", format!("{header}.{payload}.{}", flip(signature)?)),
        ("alg: none", format!("{unsigned}.{payload}.")),
        ("alg: none with the old signature", format!("{unsigned}.{payload}.{signature}")),
        ("HS256 by the public key", hs256(&encode(&symmetric), payload, &key)),
        (
            "HS256 by the public key as it is printed",
            hs256(&encode(&symmetric), payload, text(jwks, "/keys/0/x")?.as_bytes()),
        ),
        (
            "a key that nobody knows",
            format!("{}.{payload}.{signature}", encode(&with(&head, "kid", json!("stranger")))),
        ),
        ("another type of token", format!("{}.{payload}.{signature}", encode(&with(&head, "typ", json!("JWT"))))),
    ])
}

fn hs256(header: &str, payload: &str, key: &[u8]) -> String {
    let signed = format!("{header}.{payload}");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
}

fn flip(signature: &str) -> Result<String> {
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(signature)?;
    *bytes.first_mut().context("an empty signature")? ^= 1;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

fn with(object: &Value, member: &str, value: Value) -> Value {
    let mut changed = object.clone();
    changed[member] = value;
    changed
}

fn encode(part: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_forgery_differs_from_the_sound_token_and_from_each_other() {
        let sound = format!(
            "{}.{}.{}",
            encode(&json!({ "alg": "EdDSA", "kid": "k" })),
            encode(&json!({ "sub": "s" })),
            BASE64_URL_SAFE_NO_PAD.encode([7; 64])
        );
        let forged = all(&sound, &json!({ "keys": [{ "x": BASE64_URL_SAFE_NO_PAD.encode([9; 32]) }] })).unwrap();
        let distinct: std::collections::BTreeSet<_> = forged.iter().map(|(_, token)| token).collect();
        assert_eq!(distinct.len(), forged.len());
        assert!(!distinct.contains(&sound));
    }
}
