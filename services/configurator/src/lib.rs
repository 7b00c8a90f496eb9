//! Which service runs for which tenant, on which host? The configurator keeps the catalogue, makes instances and moves them through their states.
//!
//! | module | answers |
//! | --- | --- |
//! | [`config`] | what was this process told by its environment? |
//! | [`app`] | what do handlers, consumers and the provisioner work with? |
//! | [`router`] | which routes exist? |
//! | [`catalog`] | which product services can be enabled, in which version? |
//! | [`instances`] | which instances has a tenant, and what may become of them? |
//! | [`domains`] | whose is a host? |
//! | [`hosts`] | what does a product service, or the worker, learn of an instance? |
//! | [`provisioning`] | how does an instance get its database? |
//! | [`worker`] | what does the worker know of a job? |
//! | [`deadlines`] | what becomes of an instance that nothing moves on any more? |
//! | [`changes`] | how do product services hear at once that an instance has changed? |
//! | [`secrets`] | how do secrets lie in the database? |
//! | [`consumers`] | what do the other services tell us? |

pub mod app;
pub mod catalog;
pub mod changes;
pub mod config;
pub mod consumers;
pub mod deadlines;
pub mod domains;
pub mod hosts;
pub mod instances;
pub mod provisioning;
pub mod router;
pub mod secrets;
pub mod worker;

use crate::{app::App, config::Config};
use access::client::PlatformClient;
use common::{
    ambient::Ambient,
    config::{Base, Env},
    db,
    server::{Bound, Health, Lifecycle},
};
use contracts::{manifest::PermissionList, messages::JobFinished};
use include_dir::{Dir, include_dir};
use messaging::{Aws, Consumer, Relay};
use service_kit::registration as permissions;
use sqlx::migrate::Migrator;

/// Name of the service: its client, its permission namespace, its queue and the source of its messages.
pub const NAME: &str = "configurator";
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/configurator");
static DOCS: Dir = include_dir!("$CARGO_MANIFEST_DIR/../../openapi/docs/configurator");
const MANIFEST: &str = include_str!("../manifest.toml");

/// The service, as its binary knows it.
pub struct Configurator;

impl service_kit::cli::Service for Configurator {
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
    let consumer = Consumer::new(&aws, NAME, app.pool.clone(), app.ambient.clone()).on::<JobFinished, _>(app.clone());
    lifecycle.spawn(consumer.complete()?.run(shutdown.clone()));
    lifecycle.spawn(changes::run(app.clone(), shutdown.clone()));
    for part in [deadlines::Part::Proofs, deadlines::Part::TheRest] {
        lifecycle.spawn(deadlines::run(app.clone(), part, shutdown.clone()));
    }
    for _ in 0..provisioning::AT_ONCE {
        lifecycle.spawn(provisioning::run(app.clone(), shutdown.clone()));
    }
    lifecycle.spawn(permissions::register(base.clone(), client, PermissionList::parse(MANIFEST)?, shutdown.clone()));
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
