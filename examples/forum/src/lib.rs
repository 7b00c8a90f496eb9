//! A small forum: members, topics, posts, and two modules. It knows nothing of the platform but what [`platform`] bolts on.
//!
//! | module | answers |
//! | --- | --- |
//! | [`members`] | who writes here, and how do they sign in? |
//! | [`topics`] | what is talked about? |
//! | [`polls`] | what do the members think? (module `polls`) |
//! | [`statistics`] | when is how much written? (module `statistics`) |
//! | [`pages`] | what does a browser see? |
//! | [`text`] | is this text fit to be shown? |
//! | [`platform`] | what makes the forum a service of the platform? |
//!
//! SQL is checked when it runs, not when it is built: the schema is in the bundle, a version of which is in each instance's database,
//! and there is no one database to build against.

pub mod app;
pub mod config;
pub mod members;
pub mod pages;
pub mod platform;
pub mod polls;
pub mod router;
pub mod statistics;
pub mod text;
pub mod topics;

use app::App;
use common::{
    ambient::Ambient,
    config::{Base, Env},
    server::{Bound, Lifecycle},
};
use config::Config;
use include_dir::{Dir, include_dir};
use product_kit::publish;
use serde_json::Value;
use service_kit::{Command, Program, cli::with_config};
use sqlx::migrate::Migrator;

const NAME: &str = "forum";
const PORT: u16 = 8010;
static DOCS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/openapi/docs");

pub struct Forum;

impl Program for Forum {
    const NAME: &'static str = NAME;
    const ABOUT: &'static str = "A small forum, the example product";
    const PORT: u16 = PORT;
    /// Its databases are the instances', and the worker migrates those.
    const MIGRATOR: Option<&'static Migrator> = None;
    const COMMANDS: &'static [Command] = &[PUBLISH];
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
    fn faults() -> Vec<String> {
        common::openapi::faults(&Self::openapi())
    }
}

const PUBLISH: Command = Command {
    name: "publish",
    about: "Tell the platform of the version of the forum in BUNDLE_DIR",
    argument: None,
    settings: || Env::questions(|env| publish::Config::read(env, NAME)),
    run: |_| with_config(|env| publish::Config::read(env, NAME), publish::run),
};

/// Serves on `bound` until `lifecycle` stops.
pub async fn start(config: Config, bound: Bound, ambient: Ambient, lifecycle: Lifecycle) -> anyhow::Result<()> {
    let platform = platform::Platform::start(&config, &lifecycle).await?;
    let app = App::new(ambient, platform.access.clone());
    bound.serve(router::router(app, &platform.tenancy), platform.health, lifecycle).await?;
    Ok(())
}
