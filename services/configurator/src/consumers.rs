//! The messages that the configurator takes, one file a type.

mod account_resumed;
mod account_suspended;
mod job_finished;

use crate::app::App;
use contracts::messages::{AccountResumed, AccountSuspended, JobFinished};
use service_kit::Handlers;

/// Takes what happens elsewhere: jobs that have ended, tenants that are suspended and resumed.
pub fn facts() -> Handlers<App> {
    Handlers::of("configurator").on::<JobFinished>().on::<AccountSuspended>().on::<AccountResumed>()
}
