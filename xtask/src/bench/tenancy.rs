//! Benchmark of tenancy: the forum's own test of how many instances a process carries, with thousands instead of
//! thirty.

use crate::suite;
use anyhow::{Context, Result, ensure};
use local_stack::{Options, Stack, cargo, tools::Need};
use std::{path::PathBuf, process::ExitCode};

const TEST: &str = "crowd::everybody_is_let_in_and_connections_stay_within_the_bound";

#[derive(clap::Args)]
pub struct Tenancy {
    /// Instances that one process serves
    #[arg(long, default_value_t = 2000)]
    instances: u32,
    /// Instances that are asked again and again
    #[arg(long, default_value_t = 200)]
    hot: u32,
    /// Real databases, 7 MB each; instances beyond that share them, each with connections of its own
    #[arg(long, default_value_t = 200)]
    databases: u32,
    /// Connections that the process may have
    #[arg(long, default_value_t = 90)]
    connections: u32,
    /// Requests to hot instances; every tenth writes
    #[arg(long, default_value_t = 20_000)]
    requests: u32,
    /// Requests at the same time
    #[arg(long, default_value_t = 64)]
    at_once: u32,
    /// Cargo's profile
    #[arg(long, default_value = "release")]
    profile: String,
}

impl Tenancy {
    pub async fn run(&self, data: Option<PathBuf>) -> Result<ExitCode> {
        let options = Options::private("bench", &[Need::Postgres, Need::Redis, Need::Python]);
        let done = local_stack::with(data, options, async |stack| self.measure(stack).await).await?;
        Ok(done.map_or(local_stack::INTERRUPTED.into(), |()| ExitCode::SUCCESS))
    }

    async fn measure(&self, stack: &mut Stack) -> Result<()> {
        let infra = stack.infra().await?;
        let mut command = cargo::command();
        command.args(["test", "--profile", &self.profile]);
        command.args("-p forum --test it -- --exact --nocapture".split(' ')).arg(TEST);
        suite::give_environment(&mut command, &infra)?;
        for (name, value) in [
            ("INSTANCES", self.instances),
            ("HOT", self.hot),
            ("DATABASES", self.databases),
            ("CONNECTIONS", self.connections),
            ("REQUESTS", self.requests),
            ("AT_ONCE", self.at_once),
        ] {
            command.env(format!("CROWD_{name}"), value.to_string());
        }
        ensure!(
            command.status().await.context("cannot run the test")?.success(),
            "somebody was turned away, or there were too many connections"
        );
        Ok(())
    }
}
