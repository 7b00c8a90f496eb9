//! Who used what, and what does it cost? Billing hears of usage, and at a cycle's end turns it into an invoice that can prove itself.
//!
//! | module | answers |
//! | --- | --- |
//! | [`config`] | what was this process told by its environment? |
//! | [`app`] | what do handlers and consumers work with? |
//! | [`router`] | which routes exist? |
//! | [`accounts`] | who is billed, and where do the invoices go? |
//! | [`rates`] | what does a feature or a meter cost, in which version of its service? |
//! | [`usage`] | what was used, from when to when and how often? |
//! | [`currency`] | which money is it, and how is it written? |
//! | [`cycles`] | which period is being collected, and how does it end? |
//! | [`invoices`] | what is owed, and what is each line made of? |
//! | [`consumers`] | what do the other services tell us? |

pub mod accounts;
pub mod app;
pub mod config;
pub mod consumers;
pub mod currency;
pub mod cycles;
pub mod invoices;
pub mod rates;
pub mod router;
pub mod usage;

use crate::{app::App, config::Config};
use access::client::PlatformClient;
use common::{
    ambient::Ambient,
    config::{Base, Env},
    db,
    server::{Bound, Health, Lifecycle},
};
use contracts::manifest::PermissionList;
use include_dir::{Dir, include_dir};
use messaging::{Aws, Relay};
use service_kit::registration;
use sqlx::migrate::Migrator;

/// Name of the service: its client, its permission namespace, the source of its messages.
pub const NAME: &str = "billing";
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/billing");
static DOCS: Dir = include_dir!("$CARGO_MANIFEST_DIR/../../openapi/docs/billing");
const MANIFEST: &str = include_str!("../manifest.toml");

/// The service, as its binary knows it.
pub struct Billing;

impl service_kit::cli::Service for Billing {
    const NAME: &'static str = NAME;
    const PORT: u16 = config::PORT;
    const MIGRATOR: Option<&'static Migrator> = Some(&MIGRATOR);
    type Config = Config;

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env)
    }

    fn base(config: &Config) -> &Base {
        &config.base
    }

    fn openapi() -> serde_json::Value {
        router::openapi()
    }

    async fn serve(config: Config, lifecycle: Lifecycle) -> anyhow::Result<()> {
        let bound = Bound::bind(&config.base).await?;
        start(config, bound, Ambient::system(), lifecycle).await
    }
}

/// Serves on `bound` until `lifecycle` stops.
pub async fn start(config: Config, bound: Bound, ambient: Ambient, lifecycle: Lifecycle) -> anyhow::Result<()> {
    let base = &config.base;
    let redis = db::connect_redis(base)?;
    let client = PlatformClient::new(base);
    let app = App::new(&config, redis.clone(), client.clone(), ambient)?;
    let aws = Aws::from_env(&base.resource_prefix, &base.aws_account_id).await;
    let shutdown = &lifecycle.shutdown;
    lifecycle.spawn(Relay::new(app.pool.clone(), aws.publisher()).run(shutdown.clone()));
    lifecycle.spawn(consumers::facts(&aws, &app)?.run(shutdown.clone()));
    lifecycle.spawn(consumers::usage(&aws, &app)?.run(shutdown.clone()));
    lifecycle.spawn(usage::parked::run(app.pool.clone(), app.ambient.clone(), shutdown.clone()));
    lifecycle.spawn(registration::register(base.clone(), client, PermissionList::parse(MANIFEST)?, shutdown.clone()));
    let health = app.access.with_keys(Health::default().with_database(&app.pool).with_redis(&redis));
    Ok(bound.serve(router::router(app), health, lifecycle).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_permission_list_is_sound() {
        assert_eq!(PermissionList::parse(MANIFEST).unwrap().faults(), Vec::<String>::new());
    }
}
