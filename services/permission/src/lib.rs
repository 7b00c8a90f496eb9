//! Who may do what? The truth lies in this service's database; what lies in Redis is made here and nowhere else.
//!
//! | module | answers |
//! | --- | --- |
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
use common::db::Background;
use contracts::{manifest::PermissionList, roster};
use include_dir::{Dir, include_dir};
use service_kit::{Command, Handlers, Kit, Service, Tasks};
use sqlx::migrate::Migrator;
use utoipa_axum::router::OpenApiRouter;

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/permission");
static DOCS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../openapi/docs/permission");

/// The service, described for its binary and its tests.
pub struct Permission;

impl Service for Permission {
    const ROSTER: roster::Service = roster::PERMISSION;
    const ABOUT: &'static str = "Who may do what";
    const TITLE: &'static str = "Permission";
    const DOCS: &'static Dir<'static> = &DOCS;
    const PERMISSIONS: &'static str = include_str!("../permissions.toml");
    const MIGRATOR: &'static Migrator = &MIGRATOR;
    const COMMANDS: &'static [Command] = &[assertions::ASSERT];
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
        Ok(catalog::replace(app, background.begin_across_tenants(&app.db).await?, list).await?)
    }
}
