//! Signatures of access tokens: which are taken?

use super::{claims::Claims, jwks::Jwks};
use common::{ambient::Ambient, problem::Problem};
use jsonwebtoken::{Algorithm, Validation, errors::ErrorKind};

/// `typ` of every access token (RFC 9068 §2.1).
pub const TOKEN_TYPE: &str = "at+jwt";
/// Clock difference that is forgiven, in seconds.
pub const LEEWAY: i64 = 5;
/// Ours live for minutes. One that claims more was signed by mistake, and would be remembered for as long.
const LONGEST_LIFE: i64 = 24 * 3600;

/// Which tokens are taken, and the keys that they may be signed with.
pub(super) struct Keys {
    jwks: Jwks,
    validation: Validation,
    ambient: Ambient,
}

impl Keys {
    /// Of tokens of `issuer` for `audience`; keys come from `{auth_url}/.well-known/jwks.json`.
    pub fn new(auth_url: &str, issuer: &str, audience: &str, ambient: Ambient) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.algorithms = vec![Algorithm::EdDSA];
        validation.leeway = LEEWAY.unsigned_abs();
        validation.validate_nbf = true;
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Self { jwks: Jwks::new(auth_url), validation, ambient }
    }

    /// How often a key was withdrawn: what was verified before must be verified again, and may fail. 503 if that cannot
    /// be known.
    pub async fn withdrawals(&self) -> Result<u64, Problem> {
        self.jwks.withdrawals().await
    }

    /// The claims of a token that is sound now; 401 for any other, 503 when the keys cannot be had.
    pub async fn verify(&self, token: &str) -> Result<Claims, Problem> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid())?;
        // We understand no extension, so a token that says it must not be read without one is not read (RFC 7515
        // §4.1.11).
        if header.typ.as_deref() != Some(TOKEN_TYPE) || header.alg != Algorithm::EdDSA || header.crit.is_some() {
            return Err(invalid());
        }
        let key = self.jwks.get(&header.kid.ok_or_else(invalid)?).await?.ok_or_else(invalid)?;
        let decoded = jsonwebtoken::decode::<Claims>(token, &key, &self.validation);
        let claims = decoded.map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => expired(),
            _ => invalid(),
        })?;
        let latest = self.ambient.now().timestamp().saturating_add(LONGEST_LIFE);
        if claims.claims.exp > latest { Err(invalid()) } else { Ok(claims.claims) }
    }

    /// Whether at least one key is known, fetching the keys if none is.
    pub async fn ready(&self) -> bool {
        self.jwks.any().await
    }
}

/// The same second as `jsonwebtoken` draws the line at, or a token that was just refused would be taken again.
pub(super) fn is_alive(claims: &Claims, now: i64) -> bool {
    now <= claims.exp.saturating_add(LEEWAY)
}

pub(super) fn expired() -> Problem {
    Problem::unauthorized("token_expired", "The access token has expired.")
}

pub(super) fn invalid() -> Problem {
    Problem::unauthorized("token_invalid", "The access token is not valid.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{DecodingKey, EncodingKey, Header};
    use serde_json::json;

    #[test]
    fn a_remembered_token_dies_in_the_second_in_which_its_verification_fails() {
        common::crypto::install();
        let pair = Ed25519KeyPair::generate().unwrap();
        let signing = EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref());
        let verifying = DecodingKey::from_ed_components(&URL_SAFE_NO_PAD.encode(pair.public_key().as_ref())).unwrap();
        let keys = Keys::new("http://localhost", "i", "a", Ambient::system());
        for ago in (0..10).chain([-1]) {
            // A second that ends in between is tried again.
            let (remembered, verified) = std::iter::repeat_with(|| {
                let now = Ambient::system().now().timestamp();
                let claims = json!({"iss": "i", "aud": "a", "sub": "s", "client_id": "c", "iat": 0, "exp": now - ago,
                    "jti": "j"});
                let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &signing).unwrap();
                let verified = jsonwebtoken::decode::<Claims>(&token, &verifying, &keys.validation).is_ok();
                let remembered = is_alive(&serde_json::from_value(claims).unwrap(), now);
                (Ambient::system().now().timestamp() == now).then_some((remembered, verified))
            })
            .find_map(|outcome| outcome)
            .unwrap();
            assert_eq!((remembered, verified), (ago <= LEEWAY, ago <= LEEWAY), "expired {ago} s ago");
        }
    }
}
