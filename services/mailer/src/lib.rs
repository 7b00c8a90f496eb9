//! Mail: a ledger of what was sent to whom, SES behind it, and addresses that bounced kept out of circulation.
//!
//! ```text
//! mail.send.v1 ─┐                                 ┌─ suppressed
//! POST ─────────┴─ mails (queued) ─ sender ───────┴─ SES ─ sent ─ feedback queue ─ delivered | bounced | complained
//!                  ▲    held, unknown ── resend          │
//!                  └── not sent, passing or ours to mend ┘   (all mail waits, one probes)
//! ```
//!
//! | module | answers |
//! | --- | --- |
//! | [`mails`] | which mails are there, and how far has each come? |
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
mod consumers;
mod housekeeping;
mod mails;
mod router;
mod sender;
mod sending;
mod ses;
mod suppressions;
mod templates;

use app::App;
use config::Settings;
use contracts::roster;
use service_kit::{Command, Handlers, Kit, Service, Tasks};
use utoipa_axum::router::OpenApiRouter;

/// The service, described for its binary and its tests.
pub struct Mailer;

impl Service for Mailer {
    const ROSTER: roster::Service = roster::MAILER;
    const ABOUT: &'static str = "Sends mail through SES, once each";
    const TITLE: &'static str = "Mailer";
    service_kit::files!(migrations: "../../migrations/mailer", docs: "$CARGO_MANIFEST_DIR/../../openapi/docs/mailer",
        problems: "$CARGO_MANIFEST_DIR/../../openapi/problems");
    const COMMANDS: &'static [Command] = &[bootstrap::BOOTSTRAP];
    type Settings = Settings;
    type App = App;

    async fn app(kit: Kit, settings: Settings) -> anyhow::Result<App> {
        App::new(kit, settings).await
    }

    fn router() -> OpenApiRouter<App> {
        router::router()
    }

    fn consumers() -> Vec<Handlers<App>> {
        vec![consumers::orders(), consumers::feedback()]
    }

    fn background(app: &App, tasks: &Tasks) {
        let background = tasks.background();
        tasks.spawn(|shutdown| sender::run(app.clone(), background, shutdown));
        tasks.spawn(|shutdown| housekeeping::run(app.clone(), background, app.housekeeping, shutdown));
    }
}
