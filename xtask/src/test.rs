//! `cargo xtask test`: all tests, with real infrastructure that nobody else uses.

use crate::{client, e2e, lint};
use anyhow::{Context, Result};
use local_stack::{
    Infra, Options, Stack, cargo,
    redis::Redis,
    services,
    tools::{self, Need},
};
use std::{env, path::PathBuf, process::ExitCode, thread};
use tokio::process::Command;

pub async fn run(data: Option<PathBuf>, args: Vec<String>) -> Result<ExitCode> {
    let options = Options::private("test", &[Need::Postgres, Need::Redis, Need::Python, Need::Browser]);
    let Some(tests) = local_stack::with(data.clone(), options, async |stack| tests(stack, &args).await).await? else {
        return Ok(local_stack::INTERRUPTED.into());
    };
    // Whoever asks for certain tests wants those and nothing else.
    if !args.is_empty() {
        return Ok(tests.into());
    }
    lint::documents(data.clone()).await?;
    client::test(data.clone()).await?;
    if tests == 0 {
        return e2e::become_it(data, "all", &[]);
    }
    // Since there was a stack, Ctrl-C does not end us: we wait until the other has stopped all that it started.
    e2e::command(data, "all").status().context("cannot run the end-to-end tests")?;
    Ok(tests.into())
}

/// The exit code of the tests.
async fn tests(stack: &mut Stack, args: &[String]) -> Result<u8> {
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
