//! Background work: orders wait in a table that people can see, and each is carried out by one worker at a time.
//!
//! ```text
//! job.run.v1 ─ jobs (queued) ─ claim ─ attempt under a lease ─┬─ ended + worker.job.finished.v1, many a commit
//!              ↑                                              ├─ put off, handed back
//!              └──────────────── snoozed ─────────────────────┘
//! ```
//!
//! | module | answers |
//! | --- | --- |
//! | [`jobs`] | which work is there, and how far has it come? |
//! | [`rates`], [`budgets`] | how many jobs may be begun for a tenant? |
//! | [`schedules`] | which jobs are ordered again and again? |
//! | [`dispatcher`] | when is the next job begun, and by whom? |
//! | [`pace`] | how many jobs may this process begin now? |
//! | [`protection`] | may ECS end this task now? |
//! | [`attempt`] | what becomes of one job that was taken? |
//! | [`ends`] | how is the end of a job written and told? |
//! | [`abilities`] | which jobs can this worker do, and which does it leave to others? |
//! | [`handlers`] | how is a job of some kind and version done? |
//! | [`commands`] | how does a program of a bundle run, and what keeps it within its limits? |
//! | [`instances`] | how does an instance's database get its tables and first rows? |
//! | [`consumers`] | which messages does the worker take? |
//! | [`history`] | what was said in the last weeks, by whom and about whom? |
//! | [`queues`] | what is in the platform's queues, and how is it mended? |
//! | [`outboxes`] | what waits to be said, and what does SNS refuse? |

mod abilities;
pub mod app;
mod attempt;
mod budgets;
mod commands;
pub mod config;
mod consumers;
pub mod dispatcher;
mod ends;
pub mod handlers;
mod history;
mod instances;
pub mod jobs;
mod outboxes;
mod pace;
mod protection;
mod queues;
mod rates;
mod router;
mod schedules;

use app::App;
use config::Settings;
use contracts::roster;
use dispatcher::Dispatcher;
use handlers::HANDLERS;
use jobs::upkeep;
use messaging::{Aws, weeks};
use service_kit::{Command, Handlers, Kit, Service, Tasks};
use utoipa_axum::router::OpenApiRouter;

/// The service, described for its binary and its tests.
pub struct Worker;

impl Service for Worker {
    const ROSTER: roster::Service = roster::WORKER;
    const ABOUT: &'static str = "Runs background work, each job by one worker at a time";
    const TITLE: &'static str = "Worker";
    service_kit::files!(migrations: "../../migrations/worker", docs: "$CARGO_MANIFEST_DIR/../../openapi/docs/worker",
        problems: "$CARGO_MANIFEST_DIR/../../openapi/problems");
    const COMMANDS: &'static [Command] = &[commands::supervisor::SUPERVISE, commands::launcher::LAUNCH];
    type Settings = Settings;
    type App = App;

    async fn app(kit: Kit, settings: Settings) -> anyhow::Result<App> {
        commands::hide_secrets()?;
        let aws = Aws::from_env(&kit.base.resource_prefix, &kit.base.aws_account_id).await;
        Ok(App::new(kit, settings, HANDLERS, aws.console()).with_bucket().await?)
    }

    fn router() -> OpenApiRouter<App> {
        router::router()
    }

    fn consumers() -> Vec<Handlers<App>> {
        vec![consumers::orders(), consumers::history()]
    }

    fn background(app: &App, tasks: &Tasks) {
        let background = tasks.background();
        tasks.spawn(|shutdown| Dispatcher::new(app.clone(), background).run(shutdown));
        tasks.spawn(|shutdown| upkeep::wake(app.db.clone(), background, shutdown));
        tasks.spawn(|shutdown| schedules::run(app.clone(), background, shutdown));
        tasks.spawn(|shutdown| upkeep::forget(app.db.clone(), background, shutdown));
        tasks.spawn(|shutdown| weeks::run(app.db.clone(), history::store::WEEKS, shutdown));
        tasks.spawn(|shutdown| queues::actions::store::prune(app.db.clone(), background, shutdown));
    }
}
