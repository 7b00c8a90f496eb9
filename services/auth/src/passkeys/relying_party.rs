//! The relying party (Web Authentication §4): for whom do authenticators sign, and from which pages?

use crate::opaque::sha256;
use contracts::public_url::PublicUrl;
use std::sync::Arc;

/// Cheap to clone.
#[derive(Clone)]
pub struct RelyingParty {
    id: Arc<str>,
    origins: Arc<[String]>,
}

impl RelyingParty {
    /// Named for the host at which people reach auth. A page may ask for its passkeys if it is there or may call us
    /// (`CORS_ORIGINS`); browsers allow it only below that host.
    pub fn new(public_url: &PublicUrl, cors_origins: &[String]) -> Self {
        let others = cors_origins.iter().filter_map(|origin| Some(origin.parse::<PublicUrl>().ok()?.origin()));
        Self { id: public_url.host().into(), origins: std::iter::once(public_url.origin()).chain(others).collect() }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn id_hash(&self) -> [u8; 32] {
        sha256(&[self.id.as_bytes()])
    }

    pub fn has(&self, origin: &str) -> bool {
        self.origins.iter().any(|own| own == origin)
    }
}
