//! What do handlers and consumers work with?

use crate::{config::Config, currency::Currency};
use access::{Access, client::PlatformClient};
use axum::extract::FromRef;
use common::{ambient::Ambient, db};
use redis::aio::ConnectionManager;
use sqlx::PgPool;

#[derive(Clone)]
pub struct App {
    pub pool: PgPool,
    pub access: Access,
    pub ambient: Ambient,
    /// What new accounts are billed in.
    pub account_currency: Currency,
}

impl App {
    pub fn new(
        config: &Config,
        redis: ConnectionManager,
        client: PlatformClient,
        ambient: Ambient,
    ) -> Result<Self, sqlx::Error> {
        let pool = db::connect(&config.database)?;
        let access = Access::remote(&config.base, redis, client);
        Ok(Self { pool, access, ambient, account_currency: config.account_currency.clone() })
    }
}

impl FromRef<App> for Access {
    fn from_ref(app: &App) -> Self {
        app.access.clone()
    }
}
