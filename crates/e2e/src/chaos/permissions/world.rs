//! What all tasks of the chaos share: where the services are, what was seen of them, and whether it is over.

use super::ledger::{Ledger, Outcome};
use anyhow::Result;
use local_stack::state::State;
use rand::{Rng, rngs::SmallRng};
use reqwest::{Method, RequestBuilder, header::RETRY_AFTER};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

/// Longer than a service takes for any request: one that was given up here could still change something later.
const TIMEOUT: Duration = Duration::from_secs(25);
/// Before something that failed is tried again.
const PAUSE: Duration = Duration::from_millis(20);
/// The only service that is killed.
pub const VICTIM: &str = "permission";

pub struct World {
    pub ledger: Ledger,
    pub role: &'static str,
    http: reqwest::Client,
    urls: BTreeMap<String, String>,
    over: AtomicBool,
}

/// What came back, if anything did.
pub struct Answer {
    /// 0 if the connection failed.
    pub status: u16,
    pub body: Value,
    says_when: bool,
    /// No replica could have confirmed it.
    pub alone: bool,
}

impl World {
    pub fn new(state: &State, role: &'static str) -> Result<Self> {
        let urls = state.services.iter().map(|(name, service)| (name.clone(), service.url.clone())).collect();
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
        Ok(Self { ledger: Ledger::default(), role, http, urls, over: AtomicBool::new(false) })
    }

    pub fn request(&self, method: Method, service: &str, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.urls.get(service).map_or("", String::as_str)))
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let before = self.ledger.alone();
        let (status, says_when, body) = match request.send().await {
            Ok(response) => {
                let (status, says_when) = (response.status().as_u16(), response.headers().contains_key(RETRY_AFTER));
                // An answer that breaks off is none.
                response.bytes().await.map_or((0, false, Value::Null), |body| {
                    (status, says_when, serde_json::from_slice(&body).unwrap_or_default())
                })
            }
            Err(_) => (0, false, Value::Null),
        };
        Answer { status, body, says_when, alone: before.is_some() && before == self.ledger.alone() }
    }

    /// What a check at that service came to; `None`, and a mistake on record, if it is nothing that a check may come
    /// to.
    pub fn outcome(&self, service: &str, answer: &Answer) -> Option<Outcome> {
        match answer.status {
            200 => Some(Outcome::Allowed),
            401 | 403 => Some(Outcome::Refused),
            503 if answer.says_when => Some(Outcome::Unknown),
            0 if service == VICTIM => Some(Outcome::Silence),
            status => {
                self.ledger.mistake(format!("{service} answered {status} to a check: {}", answer.body));
                None
            }
        }
    }

    pub fn end(&self) {
        self.over.store(true, Relaxed);
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    pub async fn pause(&self) {
        tokio::time::sleep(PAUSE).await;
    }
}

/// A time within that many milliseconds.
pub fn millis(rng: &mut SmallRng, range: Range<u64>) -> Duration {
    Duration::from_millis(rng.random_range(range))
}
