//! Whose request is this? Verifies access tokens (JWT profile, RFC 9068) against the keys that auth publishes (RFC 7517).
//!
//! | module | answers |
//! | --- | --- |
//! | [`claims`] | what does an access token say? |
//! | [`api_key`] | is this text an API key? |
//! | [`exchange`] | for whom does an API key act? |

mod api_key;
mod claims;
mod exchange;

pub use api_key::{ApiKey, NotAnApiKey};
pub use claims::Claims;
pub use exchange::{API_KEY_INVALID, ExchangeAnswer, ExchangeRequest};

use crate::client::PlatformClient;
use aws_lc_rs::digest::{SHA256, digest};
use common::{ambient::Ambient, problem::Problem};
use exchange::Exchange;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use moka::sync::Cache;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, RwLock},
    time::Instant,
};

/// `typ` of every access token (RFC 9068 §2.1).
pub const TOKEN_TYPE: &str = "at+jwt";
/// Clock difference that is forgiven, in seconds.
pub const LEEWAY: i64 = 5;
/// Ours live for minutes. One that claims more was signed by mistake, and would be remembered for as long.
const LONGEST_LIFE: i64 = 24 * 3600;
/// An unknown `kid` makes us fetch the keys again, at most once in this time, so that made-up kids cost auth nothing.
const REFETCH_INTERVAL: Duration = Duration::from_secs(5);
/// Longer tokens are refused unread.
const LONGEST_TOKEN: usize = 4096;
/// Verified tokens that are remembered, some 1 kB each; the least useful are forgotten first.
const REMEMBERED_TOKENS: u64 = 20_000;

/// Verifies tokens; cheap to clone.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    jwks_url: String,
    validation: Validation,
    keys: RwLock<HashMap<String, DecodingKey>>,
    last_fetch: Mutex<Option<Instant>>,
    /// Claims of tokens that were verified, by the token's SHA-256. Whether the session lives is asked for each request all the same.
    verified: Cache<[u8; 32], Arc<Claims>>,
    exchange: Exchange,
    ambient: Ambient,
}

impl Verifier {
    /// Verifies tokens of `issuer` for `audience`, with keys from `{auth_url}/.well-known/jwks.json`; `client` exchanges API keys.
    pub fn new(client: PlatformClient, auth_url: &str, issuer: &str, audience: &str) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.algorithms = vec![Algorithm::EdDSA];
        validation.leeway = LEEWAY.unsigned_abs();
        validation.validate_nbf = true;
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let jwks_url = format!("{auth_url}/.well-known/jwks.json");
        Self(Arc::new(Inner {
            http: crate::client::http(),
            jwks_url,
            validation,
            keys: RwLock::default(),
            last_fetch: Mutex::default(),
            verified: Cache::new(REMEMBERED_TOKENS),
            exchange: Exchange::new(client, auth_url),
            ambient: Ambient::system(),
        }))
    }

    /// The claims of a sound token or API key; 401 for any other, 503 when the keys cannot be had. A token is verified once and then remembered until it expires.
    pub async fn verify(&self, token: &str) -> Result<Arc<Claims>, Problem> {
        if ApiKey::is_meant_by(token) {
            return self.exchange(token, None).await;
        }
        if token.len() > LONGEST_TOKEN {
            return Err(invalid());
        }
        let fingerprint = fingerprint(token);
        if let Some(claims) = self.0.verified.get(&fingerprint) {
            if is_alive(&claims, self.0.ambient.now().timestamp()) {
                return Ok(claims);
            }
            self.0.verified.invalidate(&fingerprint);
            return Err(expired());
        }
        let claims = Arc::new(self.verify_signature(token).await?);
        self.0.verified.insert(fingerprint, claims.clone());
        Ok(claims)
    }

    /// Claims for an API key whose `ended` claims live no more according to Redis, which may have forgotten: auth knows, and tells Redis.
    /// `None` for a token, whose holder has to get another one.
    pub async fn renew(&self, token: &str, ended: &Claims) -> Option<Result<Arc<Claims>, Problem>> {
        if ApiKey::is_meant_by(token) { Some(self.exchange(token, Some(ended)).await) } else { None }
    }

    async fn verify_signature(&self, token: &str) -> Result<Claims, Problem> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid())?;
        // We understand no extension, so a token that says it must not be read without one is not read (RFC 7515 §4.1.11).
        if header.typ.as_deref() != Some(TOKEN_TYPE) || header.alg != Algorithm::EdDSA || header.crit.is_some() {
            return Err(invalid());
        }
        let key = self.key(&header.kid.ok_or_else(invalid)?).await?;
        let decoded =
            jsonwebtoken::decode::<Claims>(token, &key, &self.0.validation).map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::ExpiredSignature => expired(),
                _ => invalid(),
            })?;
        let latest = self.0.ambient.now().timestamp().saturating_add(LONGEST_LIFE);
        if decoded.claims.exp > latest { Err(invalid()) } else { Ok(decoded.claims) }
    }

    /// Whether at least one key is known, fetching the keys if none is.
    pub async fn ready(&self) -> bool {
        if self.0.keys.read().await.is_empty() {
            let _ = self.refetch().await;
        }
        !self.0.keys.read().await.is_empty()
    }

    async fn key(&self, kid: &str) -> Result<DecodingKey, Problem> {
        if let Some(key) = self.0.keys.read().await.get(kid) {
            return Ok(key.clone());
        }
        let fetched = self.refetch().await;
        match self.0.keys.read().await.get(kid) {
            Some(key) => Ok(key.clone()),
            None if fetched.is_err() => Err(Problem::unavailable(
                common::problem::RETRY_AFTER_OUTAGE,
                "The token keys cannot be fetched right now.",
            )),
            None => Err(invalid()),
        }
    }

    /// Fetches the keys unless that was tried just now; concurrent callers wait for one fetch. A failed fetch keeps the known keys.
    async fn refetch(&self) -> Result<(), reqwest::Error> {
        let mut last_fetch = self.0.last_fetch.lock().await;
        let known = !self.0.keys.read().await.is_empty();
        if known && last_fetch.is_some_and(|at| at.elapsed() < REFETCH_INTERVAL) {
            return Ok(());
        }
        let fetched: Result<JwkSet, _> =
            async { self.0.http.get(&self.0.jwks_url).send().await?.error_for_status()?.json().await }.await;
        let set = fetched.inspect_err(
            |error| tracing::warn!(error = %common::problem::Chain(error), "token keys could not be fetched"),
        )?;
        let keys: HashMap<_, _> = set
            .keys
            .iter()
            .filter_map(|jwk| Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?)))
            .collect();
        let mut known = self.0.keys.write().await;
        // A key that is no longer published was withdrawn: what it signed must be verified again, and fails.
        if known.keys().any(|kid| !keys.contains_key(kid)) {
            self.0.verified.invalidate_all();
            self.0.exchange.forget_all();
        }
        *known = keys;
        drop(known);
        *last_fetch = Some(Instant::now());
        Ok(())
    }
}

fn fingerprint(token: &str) -> [u8; 32] {
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    fingerprint
}

/// The same second as `jsonwebtoken` draws the line at, or a token that was just refused would be taken again.
fn is_alive(claims: &Claims, now: i64) -> bool {
    now <= claims.exp.saturating_add(LEEWAY)
}

fn expired() -> Problem {
    Problem::unauthorized("token_expired", "The access token has expired.")
}

fn invalid() -> Problem {
    Problem::unauthorized("token_invalid", "The access token is not valid.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    #[test]
    fn a_remembered_token_dies_in_the_second_in_which_its_verification_fails() {
        common::crypto::install();
        let pair = Ed25519KeyPair::generate().unwrap();
        let signing = EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref());
        let verifying = DecodingKey::from_ed_components(&URL_SAFE_NO_PAD.encode(pair.public_key().as_ref())).unwrap();
        let client = PlatformClient::with_credentials("http://localhost", "c", "s".into());
        let verifier = Verifier::new(client, "http://localhost", "i", "a");
        for ago in (0..10).chain([-1]) {
            // A second that ends in between is tried again.
            let (remembered, verified) = std::iter::repeat_with(|| {
                let now = Ambient::system().now().timestamp();
                let claims = json!({"iss": "i", "aud": "a", "sub": "s", "client_id": "c", "iat": 0, "exp": now - ago, "jti": "j"});
                let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &signing).unwrap();
                let verified = jsonwebtoken::decode::<Claims>(&token, &verifying, &verifier.0.validation).is_ok();
                let remembered = is_alive(&serde_json::from_value(claims).unwrap(), now);
                (Ambient::system().now().timestamp() == now).then_some((remembered, verified))
            })
            .find_map(|outcome| outcome)
            .unwrap();
            assert_eq!((remembered, verified), (ago <= LEEWAY, ago <= LEEWAY), "expired {ago} s ago");
        }
    }
}
