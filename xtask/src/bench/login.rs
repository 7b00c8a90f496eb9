//! How log-ins go while many come at once: measured by an example of `auth`, which is auth as well.

use crate::suite;
use anyhow::{Context, Result};
use clap::Args;
use local_stack::{Options, cargo, tools::Need};
use std::{path::PathBuf, process::ExitCode};

#[derive(Args)]
pub struct Login {
    /// How the measured code is built
    #[arg(long, default_value = "release")]
    profile: String,
}

impl Login {
    pub async fn run(self, data: Option<PathBuf>) -> Result<ExitCode> {
        let options = Options::private("bench", &[Need::Postgres, Need::Redis, Need::Python]);
        let done = local_stack::with(data, options, async |stack| {
            let infra = stack.infra().await?;
            let mut example = cargo::command();
            example.args(["run", "--quiet", "--package", "auth", "--example", "login", "--profile", &self.profile]);
            suite::give_environment(&mut example, &infra)?;
            Ok(example.status().await.context("cannot run the example")?.success())
        });
        Ok(match done.await? {
            Some(true) => ExitCode::SUCCESS,
            Some(false) => ExitCode::FAILURE,
            None => local_stack::INTERRUPTED.into(),
        })
    }
}
