//! What a message costs a commit, and what a `NOTIFY` would cost: measured by an example of `messaging` on a PostgreSQL
//! of its own.

use anyhow::{Context, Result};
use local_stack::{Options, cargo, tools::Need};
use std::{path::PathBuf, process::ExitCode};

pub async fn run(data: Option<PathBuf>) -> Result<ExitCode> {
    // What a commit costs shows only where it is written to the disk.
    let options = Options { durable: true, ..Options::private("bench", &[Need::Postgres]) };
    let done = local_stack::with(data, options, async |stack| {
        let url = stack.postgres().await?.url("postgres");
        let example = ["run", "--quiet", "--package", "messaging", "--example", "outbox"];
        let status = cargo::command().args(example).env("DATABASE_URL", url).status().await;
        Ok(status.context("cannot run the example")?.success())
    });
    Ok(match done.await? {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::FAILURE,
        None => local_stack::INTERRUPTED.into(),
    })
}
