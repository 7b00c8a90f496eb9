//! Background work: orders wait in a table that people can see, and each is carried out by one worker at a time.
//!
//! ```text
//! job.run.v1 ─ jobs (queued) ─ dispatcher ─ attempt under a lease ─┬─ succeeded | failed + worker.job.finished.v1, one commit
//!              ↑                                                ├─ put off, handed back
//!              └────────────────────────────────────────────────┘
//! ```
//!
//! | module | answers |
//! | --- | --- |
//! | [`jobs`] | which work is there, and how far has it come? |
//! | [`dispatcher`] | when is the next job begun, and by whom? |
//! | [`attempt`] | what becomes of one job that was taken? |
//! | [`abilities`] | which jobs can this worker do, and which does it leave to others? |
//! | [`handlers`] | how is a job of some kind and version done? |
//! | [`instances`] | how does an instance's database get its tables and first rows? |
//! | [`consumers`] | which messages does the worker take? |

pub mod abilities;
pub mod app;
mod attempt;
pub mod config;
mod consumers;
mod dispatcher;
mod handlers;
mod instances;
pub mod jobs;
pub mod router;

use app::App;
use common::{
    ambient::Ambient,
    config::{Base, Env},
    server::{Bound, Health, Lifecycle},
};
use config::Config;
use contracts::{manifest::PermissionList, messages::RunJob};
use dispatcher::Dispatcher;
use include_dir::{Dir, include_dir};
use messaging::{Aws, Consumer, Relay};
use serde_json::Value;
use sqlx::migrate::Migrator;

pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/worker");
static DOCS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../openapi/docs/worker");

pub struct Worker;

impl service_kit::cli::Service for Worker {
    const NAME: &'static str = "worker";
    const PORT: u16 = 8006;
    const MIGRATOR: Option<&'static Migrator> = Some(&MIGRATOR);
    type Config = Config;

    fn read(env: &mut Env) -> Option<Config> {
        config::read(env)
    }
    fn base(config: &Config) -> &Base {
        &config.base
    }
    fn openapi() -> Value {
        router::openapi()
    }
    async fn serve(config: Config, lifecycle: Lifecycle) -> anyhow::Result<()> {
        let bound = Bound::bind(&config.base).await?;
        start(config, bound, Ambient::system(), lifecycle).await
    }
}

/// Serves on `bound` until `lifecycle` stops.
pub async fn start(config: Config, bound: Bound, ambient: Ambient, lifecycle: Lifecycle) -> anyhow::Result<()> {
    let aws = Aws::from_env(&config.base.resource_prefix, &config.base.aws_account_id).await;
    let permissions = PermissionList::parse(include_str!("../manifest.toml"))?;
    let base = config.base.clone();
    let app = App::new(config, ambient.clone())?;
    let shutdown = &lifecycle.shutdown;
    lifecycle.spawn(service_kit::registration::register(base, app.client.clone(), permissions, shutdown.clone()));
    lifecycle.spawn(Relay::new(app.pool.clone(), aws.publisher()).run(shutdown.clone()));
    lifecycle.spawn(
        Consumer::new(&aws, "worker", app.pool.clone(), ambient)
            .on::<RunJob, _>(app.clone())
            .complete()?
            .run(shutdown.clone()),
    );
    lifecycle.spawn(Dispatcher::new(app.clone()).run(shutdown.clone()));
    let health = app.access.with_keys(Health::default().with_database(&app.pool).with_redis(&app.redis));
    bound.serve(router::router(app), health, lifecycle).await?;
    Ok(())
}
