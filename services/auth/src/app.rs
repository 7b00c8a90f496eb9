//! What auth's handlers and tasks work with.

use crate::{
    clients::PlatformClients,
    config::Settings,
    identity_providers::{address::Reach, attempt::Attempts, directory::Directory, outbound::Outbound},
    invitations::refusal_links::RefusalLinks,
    issuer::Issuer,
    keys::{Keyring, Rotation, rotation::KeyError},
    oauth::{audience::Audiences, request::RequestUris},
    passkeys::relying_party::RelyingParty,
    passwords::{Hasher, LeakedPasswords},
    return_to::ReturnOrigins,
    throttle::Throttle,
};
use access::SessionStore;
use common::{limit::Limiter, problem::Chain, sealing::Sealer};
use service_kit::Kit;
use std::{sync::Arc, time::Duration};

#[derive(Clone)]
pub struct App {
    pub kit: Kit,
    pub keyring: Keyring,
    pub rotation: Rotation,
    pub issuer: Issuer,
    pub hasher: Hasher,
    pub leaked_passwords: LeakedPasswords,
    pub limiter: Limiter,
    pub throttle: Throttle,
    pub refusal_links: RefusalLinks,
    pub request_uris: RequestUris,
    pub audiences: Audiences,
    /// Of the secrets of authenticator apps.
    pub factor_sealer: Sealer,
    pub relying_party: RelyingParty,
    /// What is known of the identity providers of tenants.
    pub identity_providers: Directory,
    pub identity_attempts: Attempts,
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
        let (db, sealer) = (kit.db.clone(), settings.key_sealer.clone());
        let rotation = Rotation { db, sealer, ambient: ambient.clone() };
        let keyring = Keyring::new(rotation.clone());
        match keyring.load().await {
            Ok(()) => {}
            Err(KeyError::Database(error)) => {
                tracing::warn!(error = %Chain(&error), "The signing keys cannot be read yet; the first that needs \
                    them reads them");
            }
            Err(error) => return Err(error.into()),
        }
        let limiter = Limiter::new(base, redis.clone(), ambient.clone());
        let (sealer, public_url) = (settings.key_sealer.clone(), settings.public_url.as_str());
        Ok(Self {
            issuer: Issuer::new(base, keyring.clone(), ambient.clone(), settings.access_token),
            keyring,
            rotation,
            hasher: Hasher::new(settings.password_cost, ambient.clone())?,
            throttle: Throttle::new(base, redis.clone(), limiter.clone(), sealer.clone(), ambient, public_url),
            limiter,
            leaked_passwords: LeakedPasswords::new(settings.leaked_passwords)?,
            refusal_links: RefusalLinks::new(sealer.clone()),
            request_uris: RequestUris::new(sealer.clone()),
            audiences: Audiences::new(base, &settings.platform_clients),
            identity_attempts: Attempts::new(sealer.clone(), ambient.clone(), public_url),
            identity_providers: Directory::new(Outbound::new(Reach::of(public_url))?),
            factor_sealer: sealer,
            relying_party: RelyingParty::new(&settings.public_url, &base.cors_origins),
            live_sessions: SessionStore::new(redis.clone(), &base.redis_prefix, base.redis_replicas),
            platform_clients: settings.platform_clients,
            access_token: settings.access_token,
            return_origins: ReturnOrigins::new(&base.cors_origins, &settings.public_url),
            public_url: public_url.trim_end_matches('/').into(),
            kit,
        })
    }
}
