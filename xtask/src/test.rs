//! `cargo xtask test`: all tests, with real infrastructure that nobody else uses.

use crate::{client, drift, e2e, examples, lint, suite};
use anyhow::{Context, Result};
use local_stack::{Options, Stack};
use std::{path::PathBuf, process::ExitCode};

pub async fn run(data: Option<PathBuf>, args: Vec<String>) -> Result<ExitCode> {
    let options = Options::private("test", &suite::NEEDS);
    let Some(tests) = local_stack::with(data.clone(), options, async |stack| checked(stack, &args).await).await? else {
        return Ok(local_stack::INTERRUPTED.into());
    };
    // Whoever asks for certain tests wants those and nothing else.
    if !args.is_empty() {
        return Ok(tests.into());
    }
    drift::events::ensure_sound().await?;
    lint::documents(data.clone()).await?;
    client::test(data.clone()).await?;
    if tests == 0 {
        return e2e::become_it(data, "all", &[]);
    }
    // Since there was a stack, Ctrl-C does not end us: we wait until the other has stopped all that it started.
    e2e::command(data, "all").status().context("cannot run the end-to-end tests")?;
    Ok(tests.into())
}

/// The exit code of the tests. Of all of them also whether they met what the documents have examples of.
async fn checked(stack: &mut Stack, args: &[String]) -> Result<u8> {
    if !args.is_empty() {
        return suite::run(stack, args, None).await;
    }
    let recordings = stack.scratch("examples")?;
    let tests = suite::run(stack, args, Some(&recordings)).await?;
    if tests == 0 {
        examples::check(&recordings)?;
    }
    Ok(tests)
}
