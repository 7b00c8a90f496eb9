//! Benchmarks: each figure beside others of the same run, on the same machine, so that their ratios mean something
//! elsewhere.

mod access;
mod billing;
mod load;
mod login;
mod messages;
mod outbox;
mod tenancy;
mod usage;

use anyhow::Result;
use clap::Subcommand;
use std::{path::PathBuf, process::ExitCode};

#[derive(Subcommand)]
pub enum Bench {
    /// The permission check: requests a second against a bare route, cold fills, revocations, and the memory of a
    /// million records
    Access(access::Access),
    /// Usage taken over HTTP, month ends of many accounts, and the close of a large one, each beside its floor
    Billing(billing::Billing),
    /// Log-ins a second while many come at once, beside the bare hash; what other routes take meanwhile, and memory
    Login(login::Login),
    /// Messages a second through the relay, the consumer, and the whole way, beside bare loops
    Messages(messages::Messages),
    /// Commits a second with a message in them, against a row alone and against a `NOTIFY`
    Outbox,
    /// Thousands of instances of a product in one process: answers, times, and connections to PostgreSQL
    Tenancy(tenancy::Tenancy),
    /// Events of usage a second, one a message and a thousand a message
    Usage,
}

pub async fn run(data: Option<PathBuf>, bench: Bench) -> Result<ExitCode> {
    match bench {
        Bench::Access(access) => access.run(data).await,
        Bench::Billing(billing) => billing.run(data).await,
        Bench::Login(login) => login.run(data).await,
        Bench::Messages(messages) => messages.run(data).await,
        Bench::Outbox => outbox::run(data).await,
        Bench::Tenancy(tenancy) => tenancy.run(data).await,
        Bench::Usage => usage::run(data).await,
    }
}
