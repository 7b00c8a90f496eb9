//! Who used what, and what it costs. Billing hears of usage, and at a cycle's end turns it into an invoice that can prove itself.

mod accounts;
mod app;
pub mod config;
mod consumers;
mod currency;
mod cycles;
mod invoices;
mod rates;
mod router;
pub mod usage;

use app::App;
use config::Settings;
use contracts::roster;
use include_dir::{Dir, include_dir};
use service_kit::{Handlers, Kit, Service, Tasks};
use sqlx::migrate::Migrator;
use utoipa_axum::router::OpenApiRouter;

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/billing");
static DOCS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../openapi/docs/billing");

/// The service, described for its binary and its tests.
pub struct Billing;

impl Service for Billing {
    const ROSTER: roster::Service = roster::BILLING;
    const ABOUT: &'static str = "Usage, rates, cycles and invoices";
    const TITLE: &'static str = "Billing";
    const DOCS: &'static Dir<'static> = &DOCS;
    const PERMISSIONS: &'static str = include_str!("../permissions.toml");
    const MIGRATOR: &'static Migrator = &MIGRATOR;
    type Settings = Settings;
    type App = App;

    async fn app(kit: Kit, settings: Settings) -> anyhow::Result<App> {
        Ok(App { kit, account_currency: settings.account_currency })
    }

    fn router() -> OpenApiRouter<App> {
        router::router()
    }

    fn consumers() -> Vec<Handlers<App>> {
        vec![consumers::facts(), consumers::usage()]
    }

    fn background(app: &App, tasks: &Tasks) {
        tasks.spawn(|shutdown| usage::parked::run(app.clone(), tasks.background(), shutdown));
    }
}
