//! What do handlers, consumers and the provisioner work with?

use crate::{
    changes::Announcer,
    config::Config,
    domains::{policy::Domains, resolver::Resolver},
    provisioning::server::InstanceServer,
    secrets::Sealer,
    worker::WorkerClient,
};
use access::{Access, client::PlatformClient};
use axum::extract::FromRef;
use chrono::TimeDelta;
use common::{ambient::Ambient, db, limit::Limiter, source::TrustedProxies};
use redis::aio::ConnectionManager;
use sqlx::PgPool;
use std::sync::Arc;
use tokio::sync::Notify;

#[derive(Clone)]
pub struct App {
    pub pool: PgPool,
    pub access: Access,
    pub ambient: Ambient,
    pub sealer: Sealer,
    pub instance_server: InstanceServer,
    pub announcer: Announcer,
    pub limiter: Limiter,
    pub proxies: TrustedProxies,
    pub domains: Domains,
    pub resolver: Resolver,
    pub worker: WorkerClient,
    /// Instances that one tenant may have.
    pub most_instances: i64,
    /// An instance that nobody finishes is deleted after this time.
    pub expiry: TimeDelta,
    /// An instance may be waiting for its database.
    pub provision: Arc<Notify>,
}

impl App {
    pub fn new(
        config: &Config,
        redis: ConnectionManager,
        client: PlatformClient,
        ambient: Ambient,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            pool: db::connect(&config.database)?,
            access: Access::remote(&config.base, redis.clone(), client.clone()),
            resolver: Resolver::open(&config.dns, ambient.clone())?,
            limiter: Limiter::new(&config.base, redis.clone(), ambient.clone()),
            proxies: config.base.trusted_proxies,
            ambient,
            sealer: config.sealer.clone(),
            instance_server: config.instance_server.clone(),
            announcer: Announcer::new(redis, &config.base.redis_prefix),
            domains: config.domains.clone(),
            worker: WorkerClient::new(client, &config.worker_url),
            most_instances: config.most_instances,
            expiry: config.expiry,
            provision: Arc::default(),
        })
    }
}

impl FromRef<App> for TrustedProxies {
    fn from_ref(app: &App) -> Self {
        app.proxies
    }
}

impl FromRef<App> for Access {
    fn from_ref(app: &App) -> Self {
        app.access.clone()
    }
}
