//! What does a handler have at hand? The only place that builds clients.

use crate::{
    clients::PlatformClients, config::Config, invitations::refusals::RefusalLinks, issuer::Issuer, keys::Keyring,
    passwords::Hasher,
};
use access::{Access, SessionStore, client::PlatformClient};
use axum::extract::FromRef;
use common::{ambient::Ambient, db, limit::Limiter, problem::Problem, source::TrustedProxies};
use contracts::{id::TenantId, messages::Message};
use messaging::OutboxError;
use redis::aio::ConnectionManager;
use sqlx::{PgConnection, PgPool};
use std::{sync::Arc, time::Duration};

#[derive(Clone)]
pub struct App {
    pub pool: PgPool,
    pub redis: ConnectionManager,
    pub access: Access,
    pub ambient: Ambient,
    pub keyring: Keyring,
    pub issuer: Issuer,
    pub hasher: Hasher,
    pub limiter: Limiter,
    pub trusted_proxies: TrustedProxies,
    pub refusal_links: RefusalLinks,
    pub live_sessions: SessionStore,
    pub platform: PlatformClient,
    pub platform_clients: PlatformClients,
    /// Lifetime of a user's access token.
    pub access_token: Duration,
    pub permission_url: Arc<str>,
    pub public_url: Arc<str>,
}

impl App {
    pub fn new(config: &Config, ambient: Ambient) -> anyhow::Result<Self> {
        let base = &config.base;
        let pool = db::connect(&config.database)?;
        let redis = db::connect_redis(base)?;
        let platform = PlatformClient::new(base);
        let keyring = Keyring::new(pool.clone(), config.key_sealer.clone(), ambient.clone());
        Ok(Self {
            access: Access::remote(base, redis.clone(), platform.clone()),
            issuer: Issuer::new(base, keyring.clone(), ambient.clone(), config.access_token),
            hasher: Hasher::new(config.password_cost, ambient.clone())?,
            limiter: Limiter::new(base, redis.clone(), ambient.clone()),
            trusted_proxies: base.trusted_proxies,
            refusal_links: RefusalLinks::new(config.key_sealer.clone()),
            live_sessions: SessionStore::new(redis.clone(), &base.redis_prefix, base.redis_replicas),
            platform_clients: config.platform_clients.clone(),
            access_token: config.access_token,
            permission_url: base.permission_url.as_str().into(),
            public_url: config.public_url.as_str().into(),
            pool,
            redis,
            ambient,
            keyring,
            platform,
        })
    }

    /// Says `message` about `tenant` if and only if the caller's transaction commits.
    pub async fn say<M: Message>(
        &self,
        conn: &mut PgConnection,
        tenant: Option<TenantId>,
        message: &M,
    ) -> Result<(), Problem> {
        match messaging::publish(conn, &self.ambient, "auth", tenant, message).await {
            Ok(_) => Ok(()),
            Err(OutboxError::Database(error)) => Err(error.into()),
            Err(error) => Err(Problem::internal(&error)),
        }
    }
}

impl FromRef<App> for TrustedProxies {
    fn from_ref(app: &App) -> Self {
        app.trusted_proxies
    }
}

impl FromRef<App> for Access {
    fn from_ref(app: &App) -> Self {
        app.access.clone()
    }
}
