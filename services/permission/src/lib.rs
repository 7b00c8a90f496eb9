//! Who may do what? The truth lies in this service's database; what lies in Redis is made here and nowhere else.
//!
//! | module | answers |
//! | --- | --- |
//! | [`config`] | what was this process told by its environment? |
//! | [`app`] | what do handlers need? |
//! | [`router`] | which routes are there? |
//! | [`catalog`] | which permissions exist? |
//! | [`roles`] | which roles exist, and what do they hold? |
//! | [`groups`] | who is granted something together? |
//! | [`grants`] | who was granted or denied what? |
//! | [`effective`] | what may a principal do, then? |
//! | [`authority`] | does somebody hold all that somebody else holds? |
//! | [`principals`] | who exists in a tenant? |
//! | [`explain`] | why may they, or why not? |
//! | [`simulate`] | who would gain and lose by a change? |
//! | [`assertions`] | is who may do what still as somebody wrote it down? |
//! | [`change`] | how does anything change in a tenant? |
//! | [`turns`] | in whose turn, without holding up other tenants? |
//! | [`audit`] | who changed what? |
//! | [`instant`] | which instants may a caller name? |
//! | [`records`] | how does that get into the cache? |
//! | [`stamps`] | how does the cache forget it? |
//! | [`consumers`] | what does this service hear from others? |

pub mod app;
pub mod assertions;
pub mod audit;
pub mod authority;
pub mod catalog;
pub mod change;
pub mod config;
pub mod consumers;
pub mod effective;
pub mod explain;
pub mod grants;
pub mod groups;
pub mod instant;
pub mod principals;
pub mod records;
pub mod roles;
pub mod router;
pub mod simulate;
pub mod stamps;
pub mod turns;

use app::App;
use common::{
    ambient::Ambient,
    config::{Base, Env},
    server::{Bound, Health, Lifecycle},
};
use config::Config;
use include_dir::{Dir, include_dir};
use messaging::Aws;
use serde_json::Value;
use sqlx::migrate::Migrator;

pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/permission");
pub static DOCS: Dir = include_dir!("$CARGO_MANIFEST_DIR/../../openapi/docs/permission");

pub struct PermissionService;

impl service_kit::cli::Service for PermissionService {
    const NAME: &'static str = "permission";
    const PORT: u16 = 8002;
    const MIGRATOR: Option<&'static Migrator> = Some(&MIGRATOR);
    type Config = Config;

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env)
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

/// Serves on listeners that are already bound, until `lifecycle` stops.
pub async fn start(config: Config, bound: Bound, ambient: Ambient, lifecycle: Lifecycle) -> anyhow::Result<()> {
    let redis = common::db::connect_redis(&config.base)?;
    let app = App::new(&config, &redis, ambient)?;
    let aws = Aws::from_env(&config.base.resource_prefix, &config.base.aws_account_id).await;
    lifecycle.spawn(consumers::facts(&aws, &app)?.run(lifecycle.shutdown.clone()));
    lifecycle.spawn(stamps::run(app.stamps.clone(), lifecycle.shutdown.clone()));
    lifecycle.spawn(catalog::register_own(app.clone(), lifecycle.shutdown.clone()));
    let health = app.access.with_keys(Health::default().with_database(&app.pool).with_redis(&redis));
    bound.serve(router::router(app), health, lifecycle).await?;
    Ok(())
}
