//! Mail: a ledger of what was sent to whom, SES behind it, and addresses that bounced kept out of circulation.
//!
//! ```text
//! mail.send.v1 ─┐                                    ┌─ suppressed
//! POST ──────┴─ messages (queued) ─ sender ───────┴─ SES ─ sent ─ feedback queue ─ delivered | bounced | complained
//!                  ▲    held, unknown ── resend          │
//!                  └── not sent, passing or ours to mend ┘   (all mail waits, one probes)
//! ```
//!
//! | module | answers |
//! | --- | --- |
//! | [`messages`] | which mails are there, and how far has each come? |
//! | [`suppressions`] | which addresses get no mail any more, and why? |
//! | [`templates`] | what does a mail say? |
//! | [`sender`] | how does a queued mail leave, once? |
//! | [`ses`] | what does SES answer, and what does that mean? |
//! | [`sending`] | does mail leave at the moment, and if not, why? |
//! | [`housekeeping`] | what comes to an end by itself? |
//! | [`bootstrap`] | what must exist in SES before the first mail? |
//! | [`consumers`] | which messages does the mailer take? |

pub mod app;
pub mod bootstrap;
pub mod config;
pub mod consumers;
pub mod housekeeping;
pub mod messages;
pub mod router;
pub mod sender;
pub mod sending;
mod ses;
pub mod suppressions;
pub mod templates;

use app::App;
use common::{
    ambient::Ambient,
    config::{Base, Env},
    server::{Bound, Health, Lifecycle},
};
use config::Config;
use contracts::{manifest::PermissionList, messages::SendMail};
use include_dir::{Dir, include_dir};
use messaging::{Aws, Consumer, Relay};
use serde_json::Value;
use sqlx::migrate::Migrator;

pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/mailer");
static DOCS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../openapi/docs/mailer");

pub struct Mailer;

impl service_kit::cli::Service for Mailer {
    const NAME: &'static str = "mailer";
    const PORT: u16 = 8005;
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
    let app = App::new(&config, ambient.clone()).await?;
    let shutdown = &lifecycle.shutdown;
    lifecycle.spawn(service_kit::registration::register(
        config.base.clone(),
        app.client.clone(),
        PermissionList::parse(include_str!("../manifest.toml"))?,
        shutdown.clone(),
    ));
    lifecycle.spawn(Relay::new(app.pool.clone(), aws.publisher()).run(shutdown.clone()));
    lifecycle.spawn(
        Consumer::new(&aws, "mailer", app.pool.clone(), ambient.clone())
            .on::<SendMail, _>(app.clone())
            .complete()?
            .run(shutdown.clone()),
    );
    lifecycle.spawn(
        Consumer::new(&aws, "mailer-feedback", app.pool.clone(), ambient)
            .raw(app.clone())
            .complete()?
            .run(shutdown.clone()),
    );
    lifecycle.spawn(sender::run(app.clone(), shutdown.clone()));
    lifecycle.spawn(housekeeping::run(app.clone(), config.housekeeping, shutdown.clone()));
    let health = app.access.with_keys(Health::default().with_database(&app.pool).with_redis(&app.redis));
    bound.serve(router::router(app), health, lifecycle).await?;
    Ok(())
}
