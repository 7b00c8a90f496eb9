//! Who used what, and what it costs. Billing hears of usage, and at a cycle's end turns it into an invoice that can
//! prove itself.

mod accounts;
mod adjustments;
mod allocation;
mod app;
mod calendar;
pub mod config;
mod consumers;
mod coupons;
mod credits;
mod currency;
mod cycles;
mod discounts;
mod documents;
mod features;
mod invoices;
mod minimum_spends;
mod payments;
mod plans;
mod previews;
mod pricing;
mod reconciliation;
mod router;
mod subscriptions;
mod tax_rates;
mod taxes;
pub mod usage;

use app::App;
use config::Settings;
use contracts::roster;
use cycles::{closing, proving};
use documents::rendering;
use invoices::numbering;
use messaging::weeks;
use payments::collecting;
use service_kit::{Handlers, Kit, Service, Tasks};
use utoipa_axum::router::OpenApiRouter;

/// The service, described for its binary and its tests.
pub struct Billing;

impl Service for Billing {
    const ROSTER: roster::Service = roster::BILLING;
    const ABOUT: &'static str = "Usage, rates, cycles and invoices";
    const TITLE: &'static str = "Billing";
    service_kit::files!(migrations: "../../migrations/billing", docs: "$CARGO_MANIFEST_DIR/../../openapi/docs/billing",
        problems: "$CARGO_MANIFEST_DIR/../../openapi/problems");
    type Settings = Settings;
    type App = App;

    async fn app(kit: Kit, settings: Settings) -> anyhow::Result<App> {
        App::new(kit, settings).await
    }

    fn router() -> OpenApiRouter<App> {
        router::router()
    }

    fn consumers() -> Vec<Handlers<App>> {
        vec![consumers::facts(), consumers::usage()]
    }

    fn background(app: &App, tasks: &Tasks) {
        tasks.spawn(|shutdown| usage::parked::run(app.clone(), tasks.background(), shutdown));
        tasks.spawn(|shutdown| reconciliation::run(app.clone(), tasks.background(), shutdown));
        tasks.spawn(|shutdown| weeks::run(app.db.clone(), usage::event_store::WEEKS, shutdown));
        for _ in 0..closing::CLOSERS {
            tasks.spawn(|shutdown| closing::run(app.clone(), tasks.background(), shutdown));
        }
        tasks.spawn(|shutdown| closing::watch(app.clone(), tasks.background(), shutdown));
        tasks.spawn(|shutdown| proving::run(app.clone(), tasks.background(), shutdown));
        tasks.spawn(|shutdown| numbering::run(app.clone(), tasks.background(), shutdown));
        for _ in 0..collecting::COLLECTORS {
            tasks.spawn(|shutdown| collecting::run(app.clone(), tasks.background(), shutdown));
        }
        tasks.spawn(|shutdown| collecting::watch(app.clone(), tasks.background(), shutdown));
        tasks.spawn(|shutdown| rendering::run(app.clone(), tasks.background(), shutdown));
        tasks.spawn(|shutdown| rendering::watch(app.clone(), tasks.background(), shutdown));
    }
}
