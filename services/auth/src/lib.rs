//! auth: who are you? Accounts, tenants, sessions, and the tokens by which every service knows its callers.
//!
//! | module | answers |
//! | --- | --- |
//! | [`router`] | which routes are there? |
//! | [`registrations`] | how does a stranger become the owner of a tenant? |
//! | [`invitations`] | how does a second person come into a tenant? |
//! | [`accounts`] | who exists, and who belongs to which tenant? |
//! | [`members`] | how does somebody leave a tenant? |
//! | [`principals`] | who exists in a tenant? |
//! | [`authority`] | may the caller speak for somebody else? |
//! | [`logins`] | is it them, and what do they get? |
//! | [`sessions`] | who is logged in, and for how long? |
//! | [`clients`] | which machines act here, and is this one who it says it is? |
//! | [`api_keys`] | which programs act for a person? |
//! | [`keys`], [`issuer`] | with which keys are tokens signed, and what do they say? |
//! | [`passwords`] | is this password good enough, and is it the right one? |
//! | [`pace`], [`waiting`] | how many mails with links does an address get, and when do the others go? |
//! | [`operator`] | how does the first operator come to be? |
//! | [`sweep`] | what is forgotten, and when? |
//! | [`email`], [`name`], [`opaque`] | the types of what was checked, and of what is secret |
//! | [`body`], [`pages`], [`mail`] | how does auth read from people and write to them? |

pub mod accounts;
pub mod api_keys;
pub mod app;
pub mod authority;
pub mod body;
pub mod clients;
pub mod config;
pub mod email;
pub mod invitations;
pub mod issuer;
pub mod keys;
pub mod logins;
pub mod mail;
pub mod members;
pub mod name;
pub mod opaque;
pub mod operator;
pub mod pace;
pub mod pages;
pub mod passwords;
pub mod principals;
pub mod registrations;
pub mod router;
pub mod sessions;
pub mod sweep;
pub mod waiting;

use crate::{app::App, config::Config, keys::keyring::KeyError};
use common::{
    ambient::Ambient,
    config::{Base, Env},
    problem::Chain,
    server::{Bound, Health, Lifecycle},
};
use contracts::manifest::PermissionList;
use include_dir::{Dir, include_dir};
use messaging::{Aws, Relay};
use serde_json::Value;
use service_kit::{cli::Service, registration};
use sqlx::migrate::Migrator;

pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/auth");
static DOCS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../openapi/docs/auth");
const MANIFEST: &str = include_str!("../manifest.toml");

/// The service, for [`service_kit::cli::run`].
pub struct Auth;

impl Service for Auth {
    const NAME: &'static str = "auth";
    const PORT: u16 = Config::PORT;
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

/// Serves on `bound`, with everything that runs beside the listeners.
pub async fn start(config: Config, bound: Bound, ambient: Ambient, lifecycle: Lifecycle) -> anyhow::Result<()> {
    let app = App::new(&config, ambient)?;
    match app.keyring.load().await {
        Ok(()) => {}
        Err(KeyError::Database(error)) => {
            tracing::warn!(error = %Chain(&error), "the signing keys cannot be read yet; the first that needs them reads them")
        }
        Err(error) => return Err(error.into()),
    }
    let aws = Aws::from_env(&config.base.resource_prefix, &config.base.aws_account_id).await;
    lifecycle.spawn(Relay::new(app.pool.clone(), aws.publisher()).run(lifecycle.shutdown.clone()));
    let permissions = PermissionList::parse(MANIFEST)?;
    lifecycle.spawn(registration::register(
        config.base.clone(),
        app.platform.clone(),
        permissions,
        lifecycle.shutdown.clone(),
    ));
    lifecycle.spawn(waiting::run(app.clone(), lifecycle.shutdown.clone()));
    lifecycle.spawn(sweep::run(app.pool.clone(), app.ambient.clone(), lifecycle.shutdown.clone()));
    lifecycle.spawn(members::removal::run(app.clone(), lifecycle.shutdown.clone()));
    let health = app.access.with_keys(Health::default().with_database(&app.pool).with_redis(&app.redis));
    Ok(bound.serve(router::router(app), health, lifecycle).await?)
}
