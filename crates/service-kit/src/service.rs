//! The description of a service: what it is called, what it reads, what it serves and what it does beside.

use crate::{Command, Handlers, Kit, Program, Tasks, run};
use common::{
    ambient::Ambient,
    config::{Base, Database, Env, Settings},
    db::Background,
    openapi,
    server::{Bound, Lifecycle},
};
use contracts::{manifest::PermissionList, roster};
use include_dir::Dir;
use serde_json::Value;
use sqlx::migrate::Migrator;
use std::{collections::BTreeSet, ops::Deref};
use utoipa_axum::router::OpenApiRouter;

/// A service of the platform.
pub trait Service: Sized + 'static {
    /// Its name and port.
    const ROSTER: roster::Service;
    /// What `--help` says of it.
    const ABOUT: &'static str;
    /// The name in the title of its OpenAPI document.
    const TITLE: &'static str;
    /// The prose of its operations, `openapi/docs/<name>`.
    const DOCS: &'static Dir<'static>;
    /// The pages of the platform's problems, `openapi/problems`.
    const PROBLEMS: &'static Dir<'static>;
    /// The text of its `permissions.toml`: the permissions that it checks.
    const PERMISSIONS: &'static str;
    /// The tables of its own; those of messages come by themselves.
    const MIGRATOR: &'static Migrator;
    /// What its binary can do besides what every service's can.
    const COMMANDS: &'static [Command] = &[];

    /// Its own settings.
    type Settings: Settings + Send;
    /// What its handlers, consumers and tasks work with; see [`crate::state!`].
    type App: Deref<Target = Kit> + Clone + Send + Sync + 'static;

    fn app(kit: Kit, settings: Self::Settings) -> impl Future<Output = anyhow::Result<Self::App>> + Send;

    fn router() -> OpenApiRouter<Self::App>;

    /// One for each of its queues.
    fn consumers() -> Vec<Handlers<Self::App>> {
        Vec::new()
    }

    /// Starts what it does by itself.
    fn background(_app: &Self::App, _tasks: &Tasks) {}

    /// Makes the permission service know `list`; repeated until it works.
    fn register(
        app: &Self::App,
        _background: Background,
        list: &PermissionList,
    ) -> impl Future<Output = anyhow::Result<()>> + Send {
        let url = format!("{}/internal/manifests/{}", app.base.permission_url, list.namespace);
        async move { Ok(app.client.put(&url, list).await?) }
    }
}

/// The files of a service, where every service has them: its tables, the prose of its operations, the pages of
/// problems, and its list of permissions.
#[macro_export]
macro_rules! files {
    (migrations: $migrations:tt, docs: $docs:tt, problems: $problems:tt) => {
        const MIGRATOR: &'static sqlx::migrate::Migrator = {
            static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!($migrations);
            &MIGRATOR
        };
        const DOCS: &'static include_dir::Dir<'static> = {
            static DOCS: include_dir::Dir<'_> = include_dir::include_dir!($docs);
            &DOCS
        };
        const PROBLEMS: &'static include_dir::Dir<'static> = {
            static PROBLEMS: include_dir::Dir<'_> = include_dir::include_dir!($problems);
            &PROBLEMS
        };
        const PERMISSIONS: &'static str = include_str!("../permissions.toml");
    };
}

/// Everything that a service is told by its environment.
#[derive(Clone, Debug)]
pub struct Config<S> {
    pub base: Base,
    pub database: Database,
    /// The service's own settings.
    pub own: S,
}

impl<S: Settings> Config<S> {
    pub fn read(env: &mut Env, service: roster::Service) -> Option<Self> {
        let base = Base::read(env, service.name, service.port);
        let database = Database::read(env);
        let own = S::read(env);
        Some(Self { base: base?, database: database?, own: own? })
    }
}

impl<S: Service> Program for S {
    const NAME: &'static str = S::ROSTER.name;
    const ABOUT: &'static str = S::ABOUT;
    const PORT: u16 = S::ROSTER.port;
    const MIGRATOR: Option<&'static Migrator> = Some(S::MIGRATOR);
    const COMMANDS: &'static [&'static [Command]] = &[S::COMMANDS];
    type Config = Config<S::Settings>;

    fn read(env: &mut Env) -> Option<Self::Config> {
        Config::read(env, S::ROSTER)
    }

    fn base(config: &Self::Config) -> &Base {
        &config.base
    }

    fn openapi() -> Value {
        run::openapi::<S>()
    }

    async fn serve(config: Self::Config, lifecycle: Lifecycle) -> anyhow::Result<()> {
        let bound = Bound::bind(&config.base).await?;
        run::start::<S>(config, bound, Ambient::system(), lifecycle).await
    }

    fn faults() -> Vec<String> {
        let list = PermissionList::parse(S::PERMISSIONS);
        let mut faults = list.map_or_else(|error| vec![error.to_string()], |list| list.faults());
        faults.extend(openapi::faults(&Self::openapi()));
        let consumers = S::consumers();
        faults.extend(consumers.iter().filter_map(|handlers| Some(handlers.check().err()?.to_string())));
        let served: BTreeSet<_> = consumers.iter().map(|handlers| handlers.queue).collect();
        let unserved = S::ROSTER.queues().filter(|queue| !served.contains(queue.name));
        faults.extend(unserved.map(|queue| format!("nobody takes what comes into the queue '{}'", queue.name)));
        faults
    }
}
