//! What does the mailer hold while it runs?

use crate::{config::Config, ses::Ses, templates::Templates};
use access::{Access, client::PlatformClient};
use axum::extract::FromRef;
use common::{ambient::Ambient, db, sealing::Sealer};
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
    pub templates: Arc<Templates>,
    pub sealer: Sealer,
    pub(crate) ses: Ses,
}

impl App {
    pub async fn new(config: &Config, ambient: Ambient) -> anyhow::Result<Self> {
        let redis = db::connect_redis(&config.base)?;
        let client = PlatformClient::new(&config.base);
        Ok(Self {
            pool: db::connect(&config.database)?,
            access: Access::remote(&config.base, redis.clone(), client.clone()),
            redis,
            client,
            ambient,
            templates: Arc::new(Templates::load()?),
            sealer: config.sealer.clone(),
            ses: Ses::from_env(config).await,
        })
    }
}

impl FromRef<App> for Access {
    fn from_ref(app: &App) -> Self {
        app.access.clone()
    }
}
