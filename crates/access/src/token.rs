//! Verification of access tokens (JWT profile, RFC 9068) and API keys.

mod api_key;
mod claims;
mod exchange;
mod jwks;
mod keys;
mod known_keys;

pub use api_key::{API_KEY_LENGTH, ApiKey, NotAnApiKey};
pub use claims::{Actor, Claims, product_audience};
pub use exchange::{API_KEY_INVALID, ExchangeAnswer, ExchangeRequest};
pub use keys::{LEEWAY, TOKEN_TYPE};
pub use known_keys::KEYS_BELIEVED;

use crate::{cache::Check, client::PlatformClient};
use common::{ambient::Ambient, problem::Problem};
use exchange::Exchange;
use keys::{Keys, expired, invalid, is_alive};
use moka::sync::Cache;
use std::sync::{Arc, OnceLock};

/// Longer tokens are refused unread.
const LONGEST_TOKEN: usize = 4096;
/// Verified tokens that are remembered, some 2 kB each; the least useful are forgotten first.
const REMEMBERED_TOKENS: u64 = 20_000;

/// A token that was verified.
pub(crate) struct Verified {
    pub claims: Arc<Claims>,
    /// What is asked of Redis for each of its requests, once it was asked.
    pub check: OnceLock<Arc<Check>>,
}

impl From<Claims> for Verified {
    fn from(claims: Claims) -> Self {
        Self { claims: Arc::new(claims), check: OnceLock::new() }
    }
}

/// Verifies tokens; cheap to clone.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    keys: Keys,
    /// Tokens that were verified, by the token's SHA-256 and the withdrawals of keys up to then. Whether the session
    /// lives is asked for each request all the same.
    verified: Cache<(u64, [u8; 32]), Arc<Verified>>,
    exchange: Exchange,
    ambient: Ambient,
}

impl Verifier {
    /// Verifies tokens of `issuer` for `audience`, with keys from `{auth_url}/.well-known/jwks.json`; `client`
    /// exchanges API keys.
    pub fn new(client: PlatformClient, auth_url: &str, issuer: &str, audience: &str) -> Self {
        let ambient = Ambient::system();
        Self(Arc::new(Inner {
            keys: Keys::new(auth_url, issuer, audience, ambient.clone()),
            verified: Cache::new(REMEMBERED_TOKENS),
            exchange: Exchange::new(client, auth_url),
            ambient,
        }))
    }

    /// The claims of a sound token or API key; 401 for any other, 503 when the keys cannot be had.
    pub async fn verify(&self, token: &str) -> Result<Arc<Claims>, Problem> {
        Ok(self.verified(token).await?.claims.clone())
    }

    /// As [`Verifier::verify`]. A token is verified once and then remembered until it expires, or until auth withdraws
    /// a key.
    pub(crate) async fn verified(&self, token: &str) -> Result<Arc<Verified>, Problem> {
        if ApiKey::is_meant_by(token) {
            return Box::pin(self.exchange(token, None)).await;
        }
        if token.len() > LONGEST_TOKEN {
            return Err(invalid());
        }
        let known = (self.0.keys.withdrawals().await?, api_key::sha256(token));
        if let Some(verified) = self.0.verified.get(&known) {
            if is_alive(&verified.claims, self.0.ambient.now().timestamp()) {
                return Ok(verified);
            }
            self.0.verified.invalidate(&known);
            return Err(expired());
        }
        let verified = Arc::new(Box::pin(self.0.keys.verify(token)).await?.into());
        self.0.verified.insert(known, Arc::clone(&verified));
        Ok(verified)
    }

    /// What an API key stands for whose `ended` claims live no more according to Redis, which may have forgotten: auth
    /// knows, and tells Redis. `None` for a token, whose holder has to get another one.
    pub(crate) async fn renew(&self, token: &str, ended: &Claims) -> Option<Result<Arc<Verified>, Problem>> {
        if ApiKey::is_meant_by(token) { Some(self.exchange(token, Some(ended)).await) } else { None }
    }

    /// Whether at least one key is known, fetching the keys if none is.
    pub async fn ready(&self) -> bool {
        self.0.keys.ready().await
    }

    async fn exchange(&self, shown: &str, refused: Option<&Claims>) -> Result<Arc<Verified>, Problem> {
        self.0.exchange.verified(&self.0.keys, shown, refused, self.0.ambient.now().timestamp()).await
    }
}
