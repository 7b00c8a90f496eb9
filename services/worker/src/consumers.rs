//! The messages that the worker takes: orders to run a job, and everything that is said, for the history.

mod record;
mod run_job;

use crate::app::App;
use contracts::messages::RunJob;
use service_kit::Handlers;

pub fn orders() -> Handlers<App> {
    Handlers::of("worker").on::<RunJob>()
}

pub fn history() -> Handlers<App> {
    Handlers::of("worker-history").every().platforms_own()
}
