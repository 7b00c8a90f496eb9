//! The configurator: which product runs for which tenant, on which host? It keeps the catalog, makes instances and
//! moves them through their states.
//!
//! | module | answers |
//! | --- | --- |
//! | [`config`] | what was this process told by its environment? |
//! | [`app`] | what do handlers, consumers and the provisioner work with? |
//! | [`router`] | which routes exist? |
//! | [`catalog`] | which product services can be enabled, in which version? |
//! | [`instances`] | which instances has a tenant, and what may become of them? |
//! | [`suspension`] | is a tenant served? |
//! | [`domains`] | whose is a host? |
//! | [`active_features`] | which features are in use, as billing asks? |
//! | [`hosts`] | what does a product service, or the worker, learn of an instance? |
//! | [`provisioning`] | how does an instance get its database? |
//! | [`worker`] | what does the worker know of a job? |
//! | [`deadlines`] | what becomes of an instance that nothing moves on any more? |
//! | [`announcer`] | how do product services hear of one? |
//! | [`changes`] | how do product services hear at once that an instance has changed? |
//! | [`secrets`] | how do secrets lie in the database? |
//! | [`consumers`] | what do the other services tell us? |

mod active_features;
mod announcer;
pub mod app;
mod catalog;
pub mod changes;
pub mod config;
mod consumers;
pub mod deadlines;
pub mod domains;
mod hosts;
mod instances;
pub mod provisioning;
mod router;
mod secrets;
mod suspension;
mod worker;

use app::App;
use config::Settings;
use contracts::roster;
use service_kit::{Handlers, Kit, Service, Tasks};
use utoipa_axum::router::OpenApiRouter;

/// The service, described for its binary and its tests.
pub struct Configurator;

impl Service for Configurator {
    const ROSTER: roster::Service = roster::CONFIGURATOR;
    const ABOUT: &'static str = "Product services, and each tenant's instances of them";
    const TITLE: &'static str = "Configurator";
    service_kit::files!(migrations: "../../migrations/configurator",
        docs: "$CARGO_MANIFEST_DIR/../../openapi/docs/configurator",
        problems: "$CARGO_MANIFEST_DIR/../../openapi/problems");
    type Settings = Settings;
    type App = App;

    async fn app(kit: Kit, settings: Settings) -> anyhow::Result<App> {
        App::new(kit, settings)
    }

    fn router() -> OpenApiRouter<App> {
        router::router()
    }

    fn consumers() -> Vec<Handlers<App>> {
        vec![consumers::facts()]
    }

    fn background(app: &App, tasks: &Tasks) {
        let background = tasks.background();
        tasks.spawn(|shutdown| changes::run(app.clone(), background, shutdown));
        for part in [deadlines::Part::Proofs, deadlines::Part::TheRest] {
            tasks.spawn(|shutdown| deadlines::run(app.clone(), background, part, shutdown));
        }
        for _ in 0..provisioning::AT_ONCE {
            tasks.spawn(|shutdown| provisioning::run(app.clone(), background, shutdown));
        }
    }
}
