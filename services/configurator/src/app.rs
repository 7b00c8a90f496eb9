//! What do handlers, consumers and the provisioner work with?

use crate::{changes::Announcer, config::Config, provisioning::server::InstanceServer, secrets::Sealer};
use axum::extract::FromRef;
use common::{access::Access, ambient::Ambient, client::PlatformClient, db};
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
    /// An instance may be waiting for its database.
    pub provision: Arc<Notify>,
}

impl App {
    pub fn new(config: &Config, redis: ConnectionManager, client: PlatformClient, ambient: Ambient) -> Result<Self, sqlx::Error> {
        Ok(Self {
            pool: db::connect(&config.database)?,
            access: Access::remote(&config.base, redis.clone(), client),
            ambient,
            sealer: config.sealer.clone(),
            instance_server: config.instance_server.clone(),
            announcer: Announcer::new(redis, &config.base.redis_prefix),
            provision: Arc::default(),
        })
    }
}

impl FromRef<App> for Access {
    fn from_ref(app: &App) -> Self {
        app.access.clone()
    }
}
