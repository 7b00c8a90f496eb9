//! What do handlers need? The pool, the cache's two writers, and the clock; clients are built here and nowhere else.

use crate::{config::Config, records::Records, simulate::Simulations, stamps::Stamps, turns::Turns};
use access::{Access, RecordStore, client::PlatformClient};
use axum::extract::FromRef;
use common::{ambient::Ambient, source::TrustedProxies};
use redis::aio::ConnectionManager;
use sqlx::PgPool;
use std::sync::Arc;

#[derive(Clone)]
pub struct App {
    pub pool: PgPool,
    pub access: Access,
    pub ambient: Ambient,
    pub records: Records,
    pub stamps: Stamps,
    /// Auth is asked who exists.
    pub platform: PlatformClient,
    pub auth_url: Arc<str>,
    pub trusted_proxies: TrustedProxies,
    pub turns: Turns,
    pub simulations: Simulations,
}

impl App {
    pub fn new(config: &Config, redis: &ConnectionManager, ambient: Ambient) -> Result<Self, sqlx::Error> {
        let pool = common::db::connect(&config.database)?;
        let store =
            RecordStore::new(redis.clone(), &config.base.redis_prefix, config.base.redis_replicas, ambient.clone());
        let records = Records::new(pool.clone(), store.clone(), ambient.clone());
        // The others ask this service; this service asks its own database.
        let platform = PlatformClient::new(&config.base);
        let access = Access::new(&config.base, redis.clone(), platform.clone(), Box::new(records.clone()));
        let auth_url = config.base.auth_url.as_str().into();
        Ok(Self {
            stamps: Stamps::new(pool.clone(), store),
            pool,
            access,
            ambient,
            records,
            platform,
            auth_url,
            trusted_proxies: config.base.trusted_proxies,
            turns: Turns::default(),
            simulations: Simulations::default(),
        })
    }
}

impl FromRef<App> for Access {
    fn from_ref(app: &App) -> Self {
        app.access.clone()
    }
}

impl FromRef<App> for TrustedProxies {
    fn from_ref(app: &App) -> Self {
        app.trusted_proxies
    }
}
