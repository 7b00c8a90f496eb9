//! Signatures of ID tokens (RFC 7515, RFC 8725): which algorithms and keys are taken?

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use serde::de::DeserializeOwned;

/// With the person's picture in it.
const LONGEST: usize = 32 * 1024;
/// Of an RSA key's modulus in base64url: 2,048 bits (NIST SP 800-131A) to 8,192, which cost us some milliseconds.
const MODULUS: std::ops::RangeInclusive<usize> = 342..=1366;

/// What a token says of how it is signed, before anything of it is believed.
#[derive(Debug)]
pub struct Header {
    pub algorithm: Algorithm,
    pub kid: Option<String>,
}

/// `None` for a token that is too long, is not signed by a key pair, is of another kind (RFC 8725 §3.11), or wants to be
/// understood in a way that we do not know (RFC 7515 §4.1.11).
pub fn header(token: &str) -> Option<Header> {
    if token.len() > LONGEST {
        return None;
    }
    let header = jsonwebtoken::decode_header(token).ok()?;
    let taken = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA].contains(&header.alg);
    let is_id_token = header.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    (taken && is_id_token && header.crit.is_none()).then_some(Header { algorithm: header.alg, kid: header.kid })
}

/// What the token says, if one of the keys has signed it. A token without a `kid` may be of any.
pub fn verified<T: DeserializeOwned>(token: &str, header: &Header, keys: &[Jwk]) -> Option<T> {
    let mut validation = Validation::new(header.algorithm);
    // What it says is compared by our own clock and word by word, elsewhere.
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    validation.required_spec_claims.clear();
    let mut fitting = keys.iter().filter(|key| {
        algorithms(key).contains(&header.algorithm)
            && (header.kid.is_none() || header.kid == key.common.key_id)
            && signs(key, header.algorithm)
    });
    fitting.find_map(|key| {
        let key = DecodingKey::from_jwk(key).ok()?;
        jsonwebtoken::decode::<T>(token, &key, &validation).ok().map(|data| data.claims)
    })
}

/// What a key may sign with, by its kind; the token does not decide (RFC 8725 §3.1).
fn algorithms(key: &Jwk) -> &'static [Algorithm] {
    match &key.algorithm {
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => &[Algorithm::ES256],
        AlgorithmParameters::RSA(key) if MODULUS.contains(&key.n.len()) => &[Algorithm::RS256, Algorithm::PS256],
        _ => &[],
    }
}

/// What a key says of itself (RFC 7517 §4.2 to §4.4).
fn signs(key: &Jwk, algorithm: Algorithm) -> bool {
    let of_kind = key.common.public_key_use.as_ref().is_none_or(|of| *of == PublicKeyUse::Signature);
    let may = key.common.key_operations.as_ref().is_none_or(|may| may.contains(&KeyOperations::Verify));
    let by = key.common.key_algorithm.is_none_or(|by| by.to_string() == format!("{algorithm:?}"));
    of_kind && may && by
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    fn token(header: Value) -> String {
        format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header.to_string()))
    }

    #[test]
    fn only_key_pairs_sign() {
        for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
            assert!(header(&token(json!({"alg": algorithm}))).is_some(), "{algorithm}");
        }
        for refused in [
            json!({"alg": "none"}),
            json!({"alg": "NONE"}),
            json!({"alg": "HS256"}),
            json!({"alg": "HS512"}),
            json!({"typ": "JWT"}),
            json!({"alg": "EdDSA", "typ": "at+jwt"}),
            json!({"alg": "EdDSA", "typ": "logout+jwt"}),
            json!({"alg": "EdDSA", "crit": ["b64"], "b64": false}),
        ] {
            assert!(header(&token(refused.clone())).is_none(), "{refused}");
        }
        assert!(header(&"x".repeat(LONGEST + 1)).is_none());
    }

    #[test]
    fn a_key_signs_by_its_own_algorithms() {
        let of = |key: Value| algorithms(&serde_json::from_value(key).unwrap()).to_vec();
        let rsa = |length: usize| json!({"kty": "RSA", "e": "AQAB", "n": "A".repeat(length)});
        assert_eq!(of(rsa(342)), [Algorithm::RS256, Algorithm::PS256]);
        assert_eq!((of(rsa(171)), of(rsa(2048))), (vec![], vec![]));
        assert_eq!(of(json!({"kty": "oct", "k": "AAAA"})), []);
        assert_eq!(of(json!({"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"})), []);
        let okp = |changes: Value| {
            let mut key = json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"});
            key.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            signs(&serde_json::from_value(key).unwrap(), Algorithm::EdDSA)
        };
        assert!(okp(json!({})) && okp(json!({"use": "sig", "alg": "EdDSA", "key_ops": ["verify"]})));
        assert!(!okp(json!({"use": "enc"})) && !okp(json!({"alg": "ES256"})) && !okp(json!({"key_ops": ["sign"]})));
    }
}
