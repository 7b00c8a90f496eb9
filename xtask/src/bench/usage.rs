//! How fast billing takes usage, one event a message and many: measured by an example of `billing`.

use crate::suite;
use anyhow::{Context, Result};
use local_stack::{Options, cargo};
use std::{path::PathBuf, process::ExitCode};

pub async fn run(data: Option<PathBuf>) -> Result<ExitCode> {
    let done = local_stack::with(data, Options::private("bench", &suite::NEEDS), async |stack| {
        let infra = stack.infra().await?;
        let mut example = cargo::command();
        example.args(["run", "--quiet", "--package", "billing", "--example", "usage"]);
        suite::give_environment(&mut example, &infra)?;
        Ok(example.status().await.context("cannot run the example")?.success())
    });
    Ok(match done.await? {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::FAILURE,
        None => local_stack::INTERRUPTED.into(),
    })
}
