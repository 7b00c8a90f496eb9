//! What does the worker hold while it runs?

use crate::config::Config;
use axum::extract::FromRef;
use common::{access::Access, ambient::Ambient, client::PlatformClient, db};
use redis::aio::ConnectionManager;
use sqlx::PgPool;
use std::sync::Arc;

#[derive(Clone)]
pub struct App {
    pub pool: PgPool,
    pub redis: ConnectionManager,
    pub access: Access,
    pub client: PlatformClient,
    pub ambient: Ambient,
    pub config: Arc<Config>,
    /// Tells this process from every other worker, in the table of jobs.
    pub worker: Arc<str>,
}

impl App {
    pub fn new(config: Config, ambient: Ambient) -> anyhow::Result<Self> {
        let redis = db::connect_redis(&config.base)?;
        let client = PlatformClient::new(&config.base);
        Ok(Self {
            pool: db::connect(&config.database)?,
            access: Access::remote(&config.base, redis.clone(), client.clone()),
            redis,
            client,
            worker: ambient.uuid().to_string().into(),
            ambient,
            config: Arc::new(config),
        })
    }
}

impl FromRef<App> for Access {
    fn from_ref(app: &App) -> Self {
        app.access.clone()
    }
}
