//! The messages that the configurator takes, one file a type.

mod job_finished;

use crate::app::App;
use contracts::messages::JobFinished;
use service_kit::Handlers;

/// Takes what happens elsewhere: jobs that have ended.
pub fn facts() -> Handlers<App> {
    Handlers::of("configurator").on::<JobFinished>()
}
