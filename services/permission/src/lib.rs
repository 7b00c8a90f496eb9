//! Who may do what. The truth lies in this service's database; what lies in Redis is made here and nowhere else.

mod app;
pub mod assertions;
mod audit;
mod authority;
mod change;
mod consumers;
mod effective;
mod explain;
mod grants;
mod groups;
mod principals;
pub mod records;
mod registry;
mod roles;
mod router;
mod simulate;
mod stamps;
mod tenant_lock;

use app::App;
use common::db::Background;
use contracts::{manifest::PermissionList, roster};
use service_kit::{Command, Handlers, Kit, Service, Tasks};
use utoipa_axum::router::OpenApiRouter;

/// The service, described for its binary and its tests.
pub struct Permission;

impl Service for Permission {
    const ROSTER: roster::Service = roster::PERMISSION;
    const ABOUT: &'static str = "Who may do what";
    const TITLE: &'static str = "Permission";
    service_kit::files!(migrations: "../../migrations/permission",
        docs: "$CARGO_MANIFEST_DIR/../../openapi/docs/permission",
        problems: "$CARGO_MANIFEST_DIR/../../openapi/problems");
    const COMMANDS: &'static [Command] = &[assertions::ASSERT, service_kit::audit::VERIFY];
    type Settings = ();
    type App = App;

    async fn app(kit: Kit, (): ()) -> anyhow::Result<App> {
        Ok(App::new(kit))
    }

    fn router() -> OpenApiRouter<App> {
        router::router()
    }

    fn consumers() -> Vec<Handlers<App>> {
        vec![consumers::facts()]
    }

    fn background(app: &App, tasks: &Tasks) {
        tasks.spawn(|shutdown| stamps::run(app.stamps.clone(), shutdown));
    }

    /// As the others do over HTTP.
    async fn register(app: &App, background: Background, list: &PermissionList) -> anyhow::Result<()> {
        Ok(registry::registration::replace(app, background.begin_across_tenants(&app.db).await?, list).await?)
    }
}
