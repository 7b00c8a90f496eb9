//! What auth's handlers and tasks work with.

use crate::{
    clients::PlatformClients,
    config::Settings,
    invitations::refusal_links::RefusalLinks,
    issuer::Issuer,
    keys::{Keyring, keyring::KeyError},
    passkeys::relying_party::RelyingParty,
    passwords::Hasher,
    return_to::ReturnOrigins,
};
use access::SessionStore;
use common::{limit::Limiter, problem::Chain, sealing::Sealer};
use service_kit::Kit;
use std::{sync::Arc, time::Duration};

#[derive(Clone)]
pub struct App {
    pub kit: Kit,
    pub keyring: Keyring,
    pub issuer: Issuer,
    pub hasher: Hasher,
    pub limiter: Limiter,
    pub refusal_links: RefusalLinks,
    /// Of the secrets of authenticator apps.
    pub factor_sealer: Sealer,
    pub relying_party: RelyingParty,
    pub live_sessions: SessionStore,
    pub platform_clients: PlatformClients,
    /// Lifetime of a user's access token.
    pub access_token: Duration,
    pub public_url: Arc<str>,
    pub return_origins: ReturnOrigins,
}

service_kit::state!(App);

impl App {
    pub async fn new(kit: Kit, settings: Settings) -> anyhow::Result<Self> {
        let (base, redis, ambient) = (&kit.base, &kit.redis, &kit.ambient);
        let keyring = Keyring::new(kit.db.clone(), settings.key_sealer.clone(), ambient.clone());
        match keyring.load().await {
            Ok(()) => {}
            Err(KeyError::Database(error)) => {
                tracing::warn!(error = %Chain(&error), "The signing keys cannot be read yet; the first that needs \
                    them reads them");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Self {
            issuer: Issuer::new(base, keyring.clone(), ambient.clone(), settings.access_token),
            keyring,
            hasher: Hasher::new(settings.password_cost, ambient.clone())?,
            limiter: Limiter::new(base, redis.clone(), ambient.clone()),
            refusal_links: RefusalLinks::new(settings.key_sealer.clone()),
            factor_sealer: settings.key_sealer,
            relying_party: RelyingParty::new(&settings.public_url, &base.cors_origins),
            live_sessions: SessionStore::new(redis.clone(), &base.redis_prefix, base.redis_replicas),
            platform_clients: settings.platform_clients,
            access_token: settings.access_token,
            return_origins: ReturnOrigins::new(&base.cors_origins, &settings.public_url),
            public_url: settings.public_url.as_str().trim_end_matches('/').into(),
            kit,
        })
    }
}
