//! What billing bears: measured by an example of it, on a PostgreSQL, Redis and an emulator of its own.

use crate::suite;
use anyhow::{Context, Result};
use clap::Args;
use local_stack::{Options, cargo};
use std::{path::PathBuf, process::ExitCode};

#[derive(Args)]
pub struct Billing {
    /// How the measured code is built
    #[arg(long, default_value = "release")]
    profile: String,
    /// Events of the large account
    #[arg(long, default_value_t = 1_000_000)]
    large: u32,
}

impl Billing {
    #[expect(clippy::print_stdout, reason = "the table is what it is for")]
    pub async fn run(self, data: Option<PathBuf>) -> Result<ExitCode> {
        // What a commit costs shows only where it is written to the disk.
        let options = Options { durable: true, ..Options::private("bench", &suite::NEEDS) };
        let done = local_stack::with(data, options, async |stack| {
            let infra = stack.infra().await?;
            let example = ["--quiet", "--package", "billing", "--example", "billing", "--profile", &self.profile];
            let built =
                cargo::command().arg("build").args(example).status().await.context("cannot build the example")?;
            if !built.success() {
                return Ok(false);
            }
            println!("| measured | a second | beside | wanted |\n| --- | --- | --- | --- |");
            let mut run = cargo::command();
            run.arg("run").args(example).env("LARGE", self.large.to_string());
            suite::give_environment(&mut run, &infra)?;
            Ok(run.status().await.context("cannot run the example")?.success())
        });
        Ok(match done.await? {
            Some(true) => ExitCode::SUCCESS,
            Some(false) => ExitCode::FAILURE,
            None => local_stack::INTERRUPTED.into(),
        })
    }
}
