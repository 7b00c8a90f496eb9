//! JSON web tokens (RFC 7519): what does one say, and who has signed it?

use super::http::{list, text};
use anyhow::{Context, Result, bail};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

/// Header, payload and signature as they are written.
pub fn parts(token: &str) -> Result<[&str; 3]> {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().ok().context("no JWT has other than three parts")
}

pub fn decode(part: &str) -> Result<Value> {
    Ok(serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part)?)?)
}

/// What a token says, whoever has signed it.
pub fn claims(token: &str) -> Result<Value> {
    decode(parts(token)?[1])
}

/// What a token says that one of these keys (RFC 7517) has signed.
pub fn verified(token: &str, jwks: &Value) -> Result<Value> {
    let [header, payload, signature] = parts(token)?;
    let head = decode(header)?;
    if head["alg"] != "EdDSA" {
        bail!("a token is signed by {}", head["alg"]);
    }
    let key = list(jwks, "/keys").iter().find(|key| key["kid"] == head["kid"]);
    let key = BASE64_URL_SAFE_NO_PAD.decode(text(key.context("a token of a key that is not published")?, "/x")?)?;
    let signed = format!("{header}.{payload}");
    UnparsedPublicKey::new(&ED25519, key)
        .verify(signed.as_bytes(), &BASE64_URL_SAFE_NO_PAD.decode(signature)?)
        .ok()
        .context("the signature of a token is wrong")?;
    decode(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::json;

    #[test]
    fn a_token_is_believed_by_its_signature_alone() {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let (own, other) = (Ed25519KeyPair::generate().unwrap(), Ed25519KeyPair::generate().unwrap());
        let jwks = |key: &Ed25519KeyPair| json!({ "keys": [{ "kid": "k", "x": encode(key.public_key().as_ref()) }] });
        let token = |alg: &str| {
            let head = encode(json!({ "alg": alg, "kid": "k" }).to_string().as_bytes());
            let signed = format!("{head}.{}", encode(b"{\"sub\":\"ada\"}"));
            format!("{signed}.{}", encode(own.sign(signed.as_bytes()).as_ref()))
        };
        assert_eq!(verified(&token("EdDSA"), &jwks(&own)).unwrap(), json!({ "sub": "ada" }));
        for (token, jwks) in
            [(token("EdDSA"), jwks(&other)), (token("none"), jwks(&own)), (token("EdDSA"), json!({ "keys": [] }))]
        {
            verified(&token, &jwks).unwrap_err();
        }
    }
}
