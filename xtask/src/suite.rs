//! The tests of the workspace, with real infrastructure that nobody else uses.

use anyhow::{Context, Result};
use local_stack::{
    Infra, Stack, cargo,
    redis::Redis,
    services,
    tools::{self, Need},
};
use std::{env, path::Path, thread};
use tokio::process::Command;

/// What the tests need of the machine.
pub const NEEDS: [Need; 5] = [Need::Postgres, Need::Redis, Need::Python, Need::Browser, Need::Documents];

/// The folder that tests record to what they send and get (`test-support`).
const RECORDINGS: &str = "RECORD_EXAMPLES";

/// The exit code of the tests. They record what they send and get to `recordings`.
pub async fn run(stack: &mut Stack, args: &[String], recordings: Option<&Path>) -> Result<u8> {
    let infra = stack.infra().await?;
    let mut command = cargo::command();
    if tools::find("cargo-nextest").is_some() {
        command.args(["nextest", "run"]);
    } else {
        command.arg("test");
    }
    if !names_packages(args) {
        command.arg("--workspace");
    }
    command.args(args);
    give_environment(&mut command, &infra)?;
    if let Some(folder) = recordings {
        command.env(RECORDINGS, folder);
    }
    for threads in ["NEXTEST_TEST_THREADS", "RUST_TEST_THREADS"] {
        if env::var_os(threads).is_none() {
            command.env(threads, tests_at_once()?.to_string());
        }
    }
    command.env("CHROMEDRIVER", tools::chromedriver().context("there is no chromedriver")?);
    let status = command.status().await.context("cannot run the tests")?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Twice the cores: a test waits more than it computes, for PostgreSQL, queues and back-offs.
fn tests_at_once() -> Result<usize> {
    let cores = thread::available_parallelism().context("cannot count the cores")?;
    Ok(2 * cores.get())
}

/// Where the tests find their infrastructure.
pub fn give_environment(command: &mut Command, infra: &Infra) -> Result<()> {
    command.envs(&infra.aws).env("TEST_DATABASE_URL", infra.postgres.url("postgres")).envs(redis_urls(&infra.redis)?);
    // A developer's own AWS session must not reach the tests, nor they it.
    command.env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN");
    Ok(())
}

/// The tests' own URL may do everything; a service under test may do what it may do anywhere.
fn redis_urls(redis: &Redis) -> Result<Vec<(String, String)>> {
    let own = services::packages()?
        .into_iter()
        .map(|package| (format!("TEST_REDIS_URL_{}", package.to_uppercase()), redis.url(&package)));
    Ok(own.chain([("TEST_REDIS_URL".to_owned(), redis.admin_url())]).collect())
}

fn names_packages(args: &[String]) -> bool {
    args.iter().any(|arg| arg == "-p" || arg == "--package" || arg.starts_with("--package=") || arg.starts_with("-p="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_package_replaces_the_workspace() {
        assert!(names_packages(&["-p".into(), "auth".into()]));
        assert!(!names_packages(&["login".into(), "--no-capture".into()]));
    }
}
