//! The keys that auth publishes (RFC 7517), fetched when they are needed and again before they are too old.

use super::known_keys::{ASK_AGAIN, Known, Plan};
use common::problem::{Chain, Problem, RETRY_AFTER_OUTAGE};
use jsonwebtoken::{DecodingKey, jwk::JwkSet};
use reqwest::header::CACHE_CONTROL;
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{sync::Mutex, time::Instant};

/// The keys; cheap to clone.
#[derive(Clone)]
pub(super) struct Jwks(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    url: String,
    known: RwLock<Known>,
    /// When a fetch for an unknown `kid` ended last. Held by whoever fetches.
    fetching: Arc<Mutex<Option<Instant>>>,
    withdrawals: AtomicU64,
}

impl Jwks {
    /// Those at `{auth_url}/.well-known/jwks.json`.
    pub fn new(auth_url: &str) -> Self {
        Self(Arc::new(Inner {
            http: crate::client::http(),
            url: format!("{auth_url}/.well-known/jwks.json"),
            known: RwLock::default(),
            fetching: Arc::default(),
            withdrawals: AtomicU64::new(0),
        }))
    }

    /// How often a key was withdrawn: what was verified before must be verified again, and may fail. 503 if the keys
    /// are too old to say so.
    pub async fn withdrawals(&self) -> Result<u64, Problem> {
        // Before the first fetch nothing was verified.
        let plan = self.look(|known| known.asked_at.map(|_| known.plan()));
        self.follow(plan.unwrap_or(Plan::Go)).await?;
        Ok(self.0.withdrawals.load(Ordering::SeqCst))
    }

    /// `None` if auth has no such key; 503 if that cannot be known.
    pub async fn get(&self, kid: &str) -> Result<Option<DecodingKey>, Problem> {
        let began = Instant::now();
        self.renew().await?;
        if let Some(key) = self.known().keys.get(kid) {
            return Ok(Some(key.clone()));
        }
        let mut asked_for_unknown = self.0.fetching.lock().await;
        let asked = self.known().asked_at.is_some_and(|at| at >= began);
        if !asked && asked_for_unknown.is_none_or(|at| at.elapsed() >= ASK_AGAIN) {
            self.fetch().await;
            *asked_for_unknown = Some(Instant::now());
        }
        let known = self.known();
        match known.keys.get(kid) {
            Some(key) => Ok(Some(key.clone())),
            None if known.failed_at.is_some() => Err(away()),
            None => Ok(None),
        }
    }

    /// Whether at least one key is known, fetching the keys if none is.
    pub async fn any(&self) -> bool {
        if self.known().keys.is_empty() {
            let _fetching = self.0.fetching.lock().await;
            self.fetch().await;
        }
        !self.known().keys.is_empty()
    }

    /// Sees to it that the known keys may be believed; 503 if they may not.
    async fn renew(&self) -> Result<(), Problem> {
        self.follow(self.look(Known::plan)).await
    }

    async fn follow(&self, plan: Plan) -> Result<(), Problem> {
        match plan {
            Plan::Go => Ok(()),
            Plan::GoAndRefresh => {
                if let Ok(fetching) = Arc::clone(&self.0.fetching).try_lock_owned() {
                    let jwks = self.clone();
                    tokio::spawn(async move {
                        jwks.fetch().await;
                        drop(fetching);
                    });
                }
                Ok(())
            }
            // Boxed, as every request would carry the room for it.
            Plan::WaitForKeys => Box::pin(self.wait_for_keys()).await,
        }
    }

    /// All who wait share one fetch, and its failure.
    async fn wait_for_keys(&self) -> Result<(), Problem> {
        let began = Instant::now();
        let _fetching = self.0.fetching.lock().await;
        let known = self.known();
        if known.plan() == Plan::WaitForKeys && known.failed_at.is_none_or(|at| at < began) {
            self.fetch().await;
        }
        match self.known().plan() {
            Plan::WaitForKeys => Err(away()),
            Plan::Go | Plan::GoAndRefresh => Ok(()),
        }
    }

    /// A fetch that fails leaves the known keys as they are.
    async fn fetch(&self) {
        let asked_at = Instant::now();
        let fetched: Result<JwkSet, reqwest::Error> =
            async { self.request().send().await?.error_for_status()?.json().await }.await;
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(set) => {
                let keys = decode(&set);
                if known.keys.keys().any(|kid| !keys.contains_key(kid)) {
                    self.0.withdrawals.fetch_add(1, Ordering::SeqCst);
                }
                *known = Known { keys: Arc::new(keys), asked_at: Some(asked_at), failed_at: None };
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "The token keys could not be fetched");
                known.failed_at = Some(Instant::now());
            }
        }
    }

    /// From auth itself: a cache on the way would add to the time for which keys are believed.
    fn request(&self) -> reqwest::RequestBuilder {
        self.0.http.get(&self.0.url).header(CACHE_CONTROL, "no-cache")
    }

    fn known(&self) -> Known {
        self.look(Known::clone)
    }

    fn look<T>(&self, at: impl FnOnce(&Known) -> T) -> T {
        at(&self.0.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn decode(set: &JwkSet) -> HashMap<String, DecodingKey> {
    set.keys.iter().filter_map(|jwk| Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?))).collect()
}

fn away() -> Problem {
    Problem::unavailable(RETRY_AFTER_OUTAGE, "The token keys cannot be fetched right now.")
}

#[cfg(test)]
mod tests {
    use super::{
        super::known_keys::{BELIEVED_WITHOUT_AUTH, KEYS_BELIEVED, REFRESH_AFTER},
        *,
    };
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use axum::{Json, Router, http::StatusCode, routing::get};
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::{Value, json};
    use std::{sync::atomic::AtomicUsize, time::Duration};

    /// Auth, which publishes keys of these names; 503 without.
    #[derive(Clone, Default)]
    struct Auth {
        published: Arc<RwLock<Option<Vec<&'static str>>>>,
        asked: Arc<AtomicUsize>,
    }

    impl Auth {
        async fn start(kids: &[&'static str]) -> (Self, Jwks) {
            common::crypto::install();
            let auth = Self::default();
            auth.publish(Some(kids));
            let answers = auth.clone();
            let router = Router::new().route("/.well-known/jwks.json", get(async move || answers.answer()));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let jwks = Jwks::new(&format!("http://{}", listener.local_addr().unwrap()));
            tokio::spawn(async move { axum::serve(listener, router).await });
            (auth, jwks)
        }

        fn publish(&self, kids: Option<&[&'static str]>) {
            *self.published.write().unwrap() = kids.map(<[_]>::to_vec);
        }

        fn answer(&self) -> Result<Json<Value>, StatusCode> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let published = self.published.read().unwrap().clone().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
            let x = URL_SAFE_NO_PAD.encode(Ed25519KeyPair::generate().unwrap().public_key().as_ref());
            let jwk = |kid| json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x});
            Ok(Json(json!({"keys": published.into_iter().map(jwk).collect::<Vec<_>>()})))
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    /// Lets everything that is remembered be so much older.
    async fn age(jwks: &Jwks, by: Duration) {
        let mut asked_for_unknown = jwks.0.fetching.lock().await;
        let mut known = jwks.0.known.write().unwrap();
        let older = |at: Option<Instant>| at.map(|at| at - by);
        (known.asked_at, known.failed_at) = (older(known.asked_at), older(known.failed_at));
        *asked_for_unknown = older(*asked_for_unknown);
    }

    async fn has(jwks: &Jwks, kid: &str) -> bool {
        jwks.get(kid).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn a_withdrawn_key_is_refused_within_a_minute_and_what_it_signed_is_not_remembered() {
        let (auth, jwks) = Auth::start(&["a", "b"]).await;
        assert!(has(&jwks, "a").await && has(&jwks, "b").await);
        assert_eq!((auth.asked(), jwks.withdrawals().await), (1, Ok(0)));
        auth.publish(Some(&["b"]));
        assert_eq!((has(&jwks, "a").await, auth.asked()), (true, 1));
        age(&jwks, KEYS_BELIEVED).await;
        assert_eq!(jwks.withdrawals().await, Ok(1), "also whoever remembers a token must hear of it");
        assert!(!has(&jwks, "a").await && has(&jwks, "b").await);
    }

    #[tokio::test]
    async fn keys_are_renewed_behind_requests_before_they_are_too_old() {
        let (auth, jwks) = Auth::start(&["a"]).await;
        assert!(has(&jwks, "a").await);
        auth.publish(Some(&["b"]));
        age(&jwks, REFRESH_AFTER).await;
        assert!(has(&jwks, "a").await, "nobody waits");
        drop(jwks.0.fetching.lock().await);
        while jwks.known().keys.contains_key("a") {
            tokio::task::yield_now().await;
        }
        assert_eq!((has(&jwks, "b").await, auth.asked()), (true, 2));
    }

    #[tokio::test]
    async fn an_unknown_key_is_asked_for_at_once_and_made_up_ones_are_not() {
        let (auth, jwks) = Auth::start(&["a"]).await;
        assert!(!has(&jwks, "made up").await && has(&jwks, "a").await);
        assert_eq!(auth.asked(), 1);
        auth.publish(Some(&["new", "a"]));
        assert!(has(&jwks, "new").await, "also right after the keys were fetched");
        for _ in 0..10 {
            assert!(!has(&jwks, "made up").await);
        }
        assert_eq!(auth.asked(), 2);
        age(&jwks, ASK_AGAIN).await;
        assert!(!has(&jwks, "made up").await);
        assert_eq!(auth.asked(), 3);
    }

    #[tokio::test]
    async fn while_auth_is_away_its_keys_are_believed_for_ten_minutes() {
        let (auth, jwks) = Auth::start(&["a"]).await;
        assert!(has(&jwks, "a").await);
        auth.publish(None);
        age(&jwks, KEYS_BELIEVED).await;
        assert!(has(&jwks, "a").await && has(&jwks, "a").await);
        assert_eq!(auth.asked(), 2, "it is not asked again at once");
        assert_eq!(jwks.get("unknown").await.unwrap_err().status, 503, "it cannot be known");
        age(&jwks, BELIEVED_WITHOUT_AUTH).await;
        assert_eq!(jwks.get("a").await.unwrap_err().status, 503);
        assert_eq!(jwks.withdrawals().await.unwrap_err().status, 503);
        auth.publish(Some(&["a"]));
        assert!(has(&jwks, "a").await);
    }
}
