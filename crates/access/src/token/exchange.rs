//! Exchange of API keys: auth gives an access token for one, whose claims are remembered until it expires.

use super::{Verified, api_key::ApiKey, claims::Claims, keys::Keys};
use crate::client::{ClientError, PlatformClient};
use common::problem::Problem;
use moka::future::Cache;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Refusal of a key that is mistyped, unknown, expired or revoked.
pub const API_KEY_INVALID: &str = "api_key_invalid";
/// Keys that are remembered, some 2 kB each with their claims; the least useful are forgotten first.
const REMEMBERED_KEYS: u64 = 10_000;
/// A refused key is refused for so long without asking, in seconds. That withholds nothing: a new key is another one.
const REFUSAL_REMEMBERED: i64 = 10;
/// Keys that are exchanged at the same time; a flood of made-up ones waits here rather than at auth.
const EXCHANGES_AT_ONCE: usize = 32;

/// Body of `POST /internal/api-keys/exchange` of auth.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
pub struct ExchangeRequest {
    #[schema(format = Password, example = "slk_01890a5dac96774bbcceb302099a8057_…")]
    pub api_key: String,
}

/// Its answer.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
pub struct ExchangeAnswer {
    /// Of the key's owner, with the key's permissions as its `scope`.
    pub access_token: String,
}

/// Asks auth about API keys, once for all who wait for the same one.
pub(super) struct Exchange {
    client: PlatformClient,
    url: String,
    /// By the key's hash and the withdrawals of signing keys up to then.
    memory: Cache<(u64, [u8; 32]), Exchanged>,
    at_once: Semaphore,
}

#[derive(Clone)]
struct Exchanged {
    outcome: Result<Arc<Verified>, Problem>,
    /// Second from which auth is asked again.
    until: i64,
}

impl Exchanged {
    fn is_over(&self, now: i64, refused: Option<&Claims>) -> bool {
        let is_refused = |known: &Arc<Verified>| refused.is_some_and(|refused| refused.jti == known.claims.jti);
        now >= self.until || self.outcome.as_ref().is_ok_and(is_refused)
    }
}

impl Exchange {
    pub fn new(client: PlatformClient, auth_url: &str) -> Self {
        let url = format!("{auth_url}/internal/api-keys/exchange");
        Self { client, url, memory: Cache::new(REMEMBERED_KEYS), at_once: Semaphore::new(EXCHANGES_AT_ONCE) }
    }

    /// What an API key stands for at second `now`, other than `refused`, which a check has found to be over.
    pub async fn verified(
        &self,
        keys: &Keys,
        shown: &str,
        refused: Option<&Claims>,
        now: i64,
    ) -> Result<Arc<Verified>, Problem> {
        let key: ApiKey = shown
            .parse()
            .map_err(|_| Problem::unauthorized(API_KEY_INVALID, "This is no API key: it is cut off or mistyped."))?;
        let entry = self.memory.entry((keys.withdrawals().await?, key.hash()));
        entry
            .or_insert_with_if(self.exchange(keys, &key, now), |known| known.is_over(now, refused))
            .await
            .into_value()
            .outcome
    }

    async fn exchange(&self, keys: &Keys, key: &ApiKey, now: i64) -> Exchanged {
        let outcome: Result<Arc<Verified>, Problem> =
            async { Ok(Arc::new(keys.verify(&self.ask(key).await?).await?.into())) }.await;
        let until = match &outcome {
            Ok(verified) => verified.claims.exp,
            Err(problem) if problem.code == API_KEY_INVALID => now + REFUSAL_REMEMBERED,
            // An outage is told to those who wait, and not remembered.
            Err(_) => now,
        };
        Exchanged { outcome, until }
    }

    async fn ask(&self, key: &ApiKey) -> Result<String, Problem> {
        let _permit = self.at_once.acquire().await.map_err(|error| Problem::internal(&error))?;
        let request = ExchangeRequest { api_key: key.expose().to_owned() };
        match self.client.post::<_, ExchangeAnswer>(&self.url, &request).await {
            Ok(answer) => Ok(answer.access_token),
            Err(ClientError::Refused(problem)) if problem.code == API_KEY_INVALID => {
                Err(Problem::unauthorized(API_KEY_INVALID, problem.detail))
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(jti: &str) -> Claims {
        serde_json::from_value(
            json!({"iss": "i", "aud": "a", "sub": "s", "client_id": "c", "iat": 0, "exp": 100, "jti": jti}),
        )
        .unwrap()
    }

    #[test]
    fn what_is_remembered_ends_with_the_token_or_when_it_was_refused() {
        let known = Exchanged { outcome: Ok(Arc::new(claims("a").into())), until: 100 };
        assert!(!known.is_over(99, None) && known.is_over(100, None));
        assert!(
            known.is_over(99, Some(&claims("a"))) && !known.is_over(99, Some(&claims("b"))),
            "somebody else has renewed it meanwhile"
        );
        let unknown = Exchanged { outcome: Err(Problem::unauthorized(API_KEY_INVALID, "")), until: 100 };
        assert!(!unknown.is_over(99, Some(&claims("a"))) && unknown.is_over(100, None));
    }
}
