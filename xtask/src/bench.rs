//! Benchmarks: each figure beside others of the same run, on the same machine, so that their ratios mean something
//! elsewhere.

mod access;
mod load;
mod outbox;
mod tenancy;

use anyhow::Result;
use clap::Subcommand;
use std::{path::PathBuf, process::ExitCode};

#[derive(Subcommand)]
pub enum Bench {
    /// The permission check: requests a second against a bare route, cold fills, revocations, and the memory of a
    /// million records
    Access(access::Access),
    /// Commits a second with a message in them, against a row alone and against a `NOTIFY`
    Outbox,
    /// Thousands of instances of a product in one process: answers, times, and connections to PostgreSQL
    Tenancy(tenancy::Tenancy),
}

pub async fn run(data: Option<PathBuf>, bench: Bench) -> Result<ExitCode> {
    match bench {
        Bench::Access(access) => access.run(data).await,
        Bench::Outbox => outbox::run(data).await,
        Bench::Tenancy(tenancy) => tenancy.run(data).await,
    }
}
