//! Kinds of jobs that only these tests have.

use contracts::{contract::Sample, jobs::Job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_kit::{Handlers, Kit, Service, Tasks};
use std::{path::PathBuf, sync::OnceLock, time::Duration};
use utoipa_axum::router::OpenApiRouter;
use worker::{
    Worker,
    app::App,
    config::Settings,
    handlers::{Fault, HANDLERS, Handle, Handler, Run},
};

macro_rules! kinds {
    ($($name:ident = $kind:literal),+ $(,)?) => {
        $(impl Job for $name {
            const KIND: &'static str = $kind;
            const VERSION: u32 = 1;
            const ORDERED_BY: &'static [&'static str] = &["configurator"];
        }
        impl Sample for $name {
            fn samples() -> Vec<Self> {
                Vec::new()
            }
        })+
    };
}

kinds! { Echo = "test.echo", Await = "test.await", Hang = "test.hang" }

/// The worker, which can do these kinds as well.
pub struct TestWorker;

impl Service for TestWorker {
    const ROSTER: contracts::roster::Service = Worker::ROSTER;
    const ABOUT: &'static str = Worker::ABOUT;
    const TITLE: &'static str = Worker::TITLE;
    const DOCS: &'static include_dir::Dir<'static> = Worker::DOCS;
    const PROBLEMS: &'static include_dir::Dir<'static> = Worker::PROBLEMS;
    const PERMISSIONS: &'static str = Worker::PERMISSIONS;
    const MIGRATOR: &'static sqlx::migrate::Migrator = Worker::MIGRATOR;
    type Settings = Settings;
    type App = App;

    async fn app(kit: Kit, settings: Settings) -> anyhow::Result<App> {
        let aws = messaging::Aws::from_env(&kit.base.resource_prefix, &kit.base.aws_account_id).await;
        Ok(App::new(kit, settings, handlers(), aws.console()).with_bucket().await?)
    }

    fn router() -> OpenApiRouter<App> {
        Worker::router()
    }

    fn consumers() -> Vec<Handlers<App>> {
        Worker::consumers()
    }

    fn background(app: &App, tasks: &Tasks) {
        Worker::background(app, tasks);
    }
}

fn handlers() -> &'static [Handler] {
    static ALL: OnceLock<Vec<Handler>> = OnceLock::new();
    ALL.get_or_init(|| {
        let own = [Handler::of::<Echo>(), Handler::of::<Await>(), Handler::of::<Hang>()];
        HANDLERS.iter().cloned().chain(own).collect()
    })
}

/// Succeeds at once, and gives `text`.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Echo {
    pub text: String,
}

impl Handle for Echo {
    async fn handle(self, run: &Run<'_>) -> Result<Option<Value>, Fault> {
        run.note(1, 1, &self.text).await;
        Ok(Some(json!({"text": self.text})))
    }
}

/// Is put off until there is a file.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Await {
    pub file: PathBuf,
}

impl Handle for Await {
    async fn handle(self, _: &Run<'_>) -> Result<Option<Value>, Fault> {
        if self.file.exists() { Ok(None) } else { Err(Fault::snooze(Duration::from_millis(100), "no file yet")) }
    }
}

/// Never ends.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Hang {}

impl Handle for Hang {
    const LONGEST: Duration = Duration::from_secs(8);

    async fn handle(self, run: &Run<'_>) -> Result<Option<Value>, Fault> {
        run.log("hangs").await;
        std::future::pending().await
    }
}
