//! What does the worker hold while it runs?

use crate::{abilities::Abilities, config::Config};
use access::{Access, client::PlatformClient};
use axum::extract::FromRef;
use common::{ambient::Ambient, db};
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
    /// What it can do.
    pub abilities: Arc<Abilities>,
    /// Tells this worker from every other one, in the table of jobs: `<host>:<process>:<unique for ever>`, for whoever must find the process.
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
            worker: format!("{}:{}:{}", host_name(), std::process::id(), ambient.uuid()).into(),
            ambient,
            abilities: Arc::new(Abilities::new(config.bundles_dir.clone())),
            config: Arc::new(config),
        })
    }
}

/// The container's id on ECS (hostname(7)).
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

impl FromRef<App> for Access {
    fn from_ref(app: &App) -> Self {
        app.access.clone()
    }
}
