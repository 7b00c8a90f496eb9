//! What is known of providers: their metadata and keys, fetched when somebody signs in, and believed for a while.

use super::{
    metadata::{self, Document, Metadata},
    outbound::{Fault, Outbound},
    store::Provider,
};
use jsonwebtoken::jwk::Jwk;
use moka::{future::Cache, policy::EvictionPolicy};
use serde::Deserialize;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use uuid::Uuid;

/// Beyond that those that were not used for longest are fetched again.
const MOST_KNOWN: u64 = 1_000;
/// A key that a provider has withdrawn is believed for no longer.
const BELIEVED: Duration = Duration::from_secs(300);
/// Made-up key ids cost a provider no more than that.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Of a key set; a provider signs with a few.
const MOST_KEYS: usize = 50;

/// Whose it is, in which of its revisions.
type Key = (Uuid, i32);

/// Knows providers; cheap to clone.
#[derive(Clone)]
pub struct Directory {
    pub outbound: Outbound,
    metadata: Cache<Key, Arc<Metadata>>,
    keys: Cache<Key, Arc<Keys>>,
}

/// Keys of a provider.
pub struct Keys {
    pub keys: Vec<Jwk>,
    fetched_at: Instant,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Directory {
    pub fn new(outbound: Outbound) -> Self {
        Self { outbound, metadata: cache(), keys: cache() }
    }

    /// All who ask at once share one call, and its failure.
    pub async fn metadata(&self, provider: &Provider) -> Result<Arc<Metadata>, Arc<Fault>> {
        let fetch = async {
            let address = metadata::address(self.outbound.reach, &provider.issuer)?;
            let document: Document = self.outbound.send(provider.tenant_id, self.outbound.get(address)).await?;
            document.check(&provider.issuer, self.outbound.reach).map(Arc::new)
        };
        self.metadata.try_get_with(key(provider), fetch).await
    }

    /// The keys among which one of that id would be: who does not know it asks again, but not all the time.
    pub async fn keys(
        &self,
        provider: &Provider,
        metadata: &Metadata,
        kid: Option<&str>,
    ) -> Result<Arc<Keys>, Arc<Fault>> {
        let known = self.fetched(provider, metadata).await?;
        if known.has(kid) || known.fetched_at.elapsed() < ASK_AGAIN {
            return Ok(known);
        }
        self.keys.invalidate(&key(provider)).await;
        self.fetched(provider, metadata).await
    }

    async fn fetched(&self, provider: &Provider, metadata: &Metadata) -> Result<Arc<Keys>, Arc<Fault>> {
        let fetch = async {
            let request = self.outbound.get(metadata.jwks_uri.clone());
            let Set { keys } = self.outbound.send(provider.tenant_id, request).await?;
            // Of a kind that we do not know: another client's.
            let known = keys.into_iter().take(MOST_KEYS).filter_map(|key| serde_json::from_value(key).ok());
            Ok(Arc::new(Keys { keys: known.collect(), fetched_at: Instant::now() }))
        };
        self.keys.try_get_with(key(provider), fetch).await
    }
}

impl Keys {
    fn has(&self, kid: Option<&str>) -> bool {
        self.keys.iter().any(|key| kid.is_none() || key.common.key_id.as_deref() == kid)
    }
}

fn key(provider: &Provider) -> Key {
    (provider.id, provider.revision)
}

fn cache<T: Clone + Send + Sync + 'static>() -> Cache<Key, T> {
    Cache::builder().max_capacity(MOST_KNOWN).eviction_policy(EvictionPolicy::lru()).time_to_live(BELIEVED).build()
}
