//! Calls to providers: short, few at a time, to public addresses only, and without following anybody anywhere.
//!
//! A name is looked up once for each connection, and the connection goes to what was looked at: a name that changes its
//! address in between leads nowhere else.

use super::address::Reach;
use common::problem::Chain;
use contracts::id::TenantId;
use moka::{policy::EvictionPolicy, sync::Cache};
use reqwest::{
    RequestBuilder, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use serde::de::DeserializeOwned;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A person waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Key sets of large providers have some 20 kB.
const LONGEST_ANSWER: usize = 256 * 1024;
/// Calls of this process under way: each has a connection and at most that much memory.
const MOST_CALLS: usize = 64;
/// Of them for one tenant, whose provider may be slow on purpose.
const MOST_OF_A_TENANT: usize = 8;
/// Tenants whose calls are counted. One that is forgotten may have as many again.
const MOST_TENANTS: u64 = 10_000;
/// Look-ups of names under way: each has a thread, for as long as a stranger's name server takes.
const MOST_LOOK_UPS: usize = 32;
const USER_AGENT: &str = "sevenleague-auth";

/// Calls providers; cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    http: reqwest::Client,
    pub reach: Reach,
    places: Arc<Semaphore>,
    of_tenants: Cache<TenantId, Arc<Semaphore>>,
}

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Ours: as many calls as we make are under way.
    #[error("too many calls to identity providers are under way")]
    Busy,
    #[error("the identity provider cannot be reached")]
    Away(#[source] reqwest::Error),
    #[error("the identity provider answered with {0}")]
    Failing(StatusCode),
    #[error("the identity provider refused: {0}")]
    Refused(String),
    /// It is there, and what it says is not what the standard says.
    #[error("the identity provider's answer is not sound: {0}")]
    Unsound(&'static str),
}

impl Fault {
    /// Whether it may be otherwise in a moment.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Busy | Self::Away(_) | Self::Failing(_))
    }
}

/// The system's own look-up, less the addresses that nobody has us call.
struct PublicOnly {
    reach: Reach,
    places: Arc<Semaphore>,
}

#[derive(Debug, thiserror::Error)]
enum NotFound {
    #[error("the host has no public address")]
    NotPublic,
    #[error("too many names are being looked up")]
    Busy,
}

impl PublicOnly {
    fn new(reach: Reach) -> Self {
        Self { reach, places: Arc::new(Semaphore::new(MOST_LOOK_UPS)) }
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, place) = (self.reach, Arc::clone(&self.places).try_acquire_owned());
        Box::pin(async move {
            let place = place.map_err(|_| NotFound::Busy)?;
            // It goes on when nobody waits any more, and keeps its place.
            let look_up = tokio::spawn(async move {
                let found = tokio::net::lookup_host((name.as_str(), 0)).await.map(Vec::from_iter);
                drop(place);
                found
            });
            let mut public: Vec<SocketAddr> = look_up.await??;
            public.retain(|address| reach.reaches(address.ip()));
            if public.is_empty() { Err(NotFound::NotPublic.into()) } else { Ok(Box::new(public.into_iter()) as Addrs) }
        })
    }
}

impl Outbound {
    pub fn new(reach: Reach) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .https_only(reach == Reach::Public)
            // A connection that is kept would still lead where its name led then.
            .pool_max_idle_per_host(0)
            .user_agent(USER_AGENT)
            .dns_resolver(Arc::new(PublicOnly::new(reach)))
            .build()?;
        let of_tenants = Cache::builder().max_capacity(MOST_TENANTS).eviction_policy(EvictionPolicy::lru()).build();
        Ok(Self { http, reach, places: Arc::new(Semaphore::new(MOST_CALLS)), of_tenants })
    }

    pub fn get(&self, url: Url) -> RequestBuilder {
        self.http.get(url)
    }

    pub fn post(&self, url: Url) -> RequestBuilder {
        self.http.post(url)
    }

    /// Sends a request because of `tenant`, and reads the answer.
    pub async fn send<T: DeserializeOwned>(&self, tenant: TenantId, request: RequestBuilder) -> Result<T, Fault> {
        let _places = self.places(tenant)?;
        let request = request.header("accept", "application/json");
        let answer = request.send().await.map_err(away)?;
        let (status, body) = (answer.status(), read(answer).await?);
        match status {
            StatusCode::OK => {
                serde_json::from_slice(&body).map_err(|_| Fault::Unsound("it is not the JSON it must be"))
            }
            StatusCode::TOO_MANY_REQUESTS => Err(Fault::Failing(status)),
            status if status.is_client_error() => Err(Fault::Refused(refusal(status, &body))),
            status if status.is_server_error() => Err(Fault::Failing(status)),
            _ => Err(Fault::Unsound("it leads elsewhere, or says nothing")),
        }
    }

    /// Nobody waits for a place: those who have them may keep them as long as they like.
    fn places(&self, tenant: TenantId) -> Result<[OwnedSemaphorePermit; 2], Fault> {
        let own = self.of_tenants.get_with(tenant, || Arc::new(Semaphore::new(MOST_OF_A_TENANT)));
        let own = own.try_acquire_owned().map_err(|_| Fault::Busy)?;
        let shared = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Fault::Busy)?;
        Ok([own, shared])
    }
}

/// The word of a refusal (RFC 6749 §5.2), as far as it is one.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    let word = serde_json::from_slice::<serde_json::Value>(body).ok();
    let word = word.and_then(|body| body["error"].as_str().map(plain));
    word.unwrap_or_else(|| status.as_u16().to_string())
}

/// What a stranger wrote, short and on one line.
pub fn plain(text: &str) -> String {
    const LONGEST: usize = 200;
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(away)? {
        if body.len() + part.len() > LONGEST_ANSWER {
            return Err(Fault::Unsound("it is too long"));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// Without the address, whose query may have a secret.
fn away(error: reqwest::Error) -> Fault {
    let error = error.without_url();
    tracing::info!(error = %Chain(&error), "An identity provider cannot be reached");
    Fault::Away(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tenant_does_not_take_all_places() {
        common::crypto::install();
        let outbound = Outbound::new(Reach::Public).unwrap();
        let tenant = |n| TenantId(uuid::Uuid::from_u128(n));
        let held: Vec<_> = (0..MOST_OF_A_TENANT).map(|_| outbound.places(tenant(1)).unwrap()).collect();
        assert!(matches!(outbound.places(tenant(1)), Err(Fault::Busy)));
        assert!(outbound.places(tenant(2)).is_ok());
        drop(held);
        assert!(outbound.places(tenant(1)).is_ok());
    }

    #[tokio::test]
    async fn names_of_private_addresses_lead_nowhere() {
        let localhost = || "localhost".parse::<Name>().unwrap();
        assert!(PublicOnly::new(Reach::Public).resolve(localhost()).await.is_err());
        assert!(PublicOnly::new(Reach::Loopback).resolve(localhost()).await.is_ok());
    }

    #[test]
    fn what_strangers_write_is_short_and_on_one_line() {
        assert_eq!(plain("access\r\n_denied\0"), "access_denied");
        assert_eq!(plain(&"x".repeat(1000)).len(), 200);
    }
}
