//! Starts the end-to-end tests, which are a program of their own (`crates/e2e`): `up` need not wait until it is
//! compiled.

use anyhow::{Context, Result};
use local_stack::{cargo, data};
use std::{ffi::OsString, os::unix::process::CommandExt, path::PathBuf, process::Command};

/// Becomes that program, with these arguments; comes back only with an error.
pub fn become_it(data: Option<PathBuf>, proof: &str, args: &[OsString]) -> Result<std::process::ExitCode> {
    Err(command(data, proof).args(args).exec()).context("cannot run cargo")
}

/// Runs it where the caller is, whose paths may be relative.
pub fn command(data: Option<PathBuf>, proof: &str) -> Command {
    let mut command = Command::new(cargo::program());
    command.args(["run", "--quiet", "--package", "e2e", "--manifest-path"]).arg(data::checkout().join("Cargo.toml"));
    command.args(["--", proof]);
    if let Some(data) = data {
        command.arg("--data").arg(data);
    }
    command
}
