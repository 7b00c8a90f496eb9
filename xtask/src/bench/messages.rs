//! How fast messages flow: measured by examples that print rows of one table, on a PostgreSQL and an emulator of their
//! own.

use anyhow::{Context, Result};
use clap::Args;
use local_stack::{Options, cargo, tools::Need};
use std::{path::PathBuf, process::ExitCode};

/// Package and example of each part of the table.
const PARTS: [(&str, &str); 2] = [("messaging", "messages"), ("worker", "jobs")];

#[derive(Args)]
pub struct Messages {
    /// How the measured code is built
    #[arg(long, default_value = "release")]
    profile: String,
}

impl Messages {
    #[expect(clippy::print_stdout, reason = "the table is what it is for")]
    pub async fn run(self, data: Option<PathBuf>) -> Result<ExitCode> {
        // What a commit costs shows only where it is written to the disk.
        let needs = [Need::Postgres, Need::Redis, Need::Python];
        let options = Options { durable: true, ..Options::private("bench", &needs) };
        let done = local_stack::with(data, options, async |stack| {
            let infra = stack.infra().await?;
            for (package, example) in PARTS {
                let build = ["build", "--quiet", "--package", package, "--example", example];
                let status = cargo::command().args(build).args(["--profile", &self.profile]).status().await;
                if !status.context("cannot build the example")?.success() {
                    return Ok(false);
                }
            }
            println!("| measured | a second | beside | wanted |\n| --- | --- | --- | --- |");
            for (package, example) in PARTS {
                let run = ["run", "--quiet", "--package", package, "--example", example];
                let mut command = cargo::command();
                command.args(run).args(["--profile", &self.profile]);
                command.env("DATABASE_URL", infra.postgres.url("postgres")).envs(&infra.aws);
                if !command.status().await.context("cannot run the example")?.success() {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        Ok(match done.await? {
            Some(true) => ExitCode::SUCCESS,
            Some(false) => ExitCode::FAILURE,
            None => local_stack::INTERRUPTED.into(),
        })
    }
}
