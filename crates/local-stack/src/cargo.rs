//! Builds of our own programs.

use crate::data;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, process::Stdio};
use tokio::process::Command;

/// The cargo that started us.
pub fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// Cargo in the checkout. It stays in the terminal's foreground group, so Ctrl-C reaches it and its compilers directly.
pub fn command() -> Command {
    let mut command = Command::new(program());
    command.current_dir(data::checkout()).kill_on_drop(true);
    command
}

/// Builds the binaries of these packages, by that profile of cargo, and says where they are, by name.
pub async fn build(profile: &str, packages: &[impl AsRef<str>]) -> Result<BTreeMap<String, PathBuf>> {
    let mut command = command();
    command.args(["build", "--profile", profile, "--bins", "--message-format=json-render-diagnostics"]);
    command.args(packages.iter().flat_map(|package| ["-p", package.as_ref()]));
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "the build failed");
    let built = executables(&String::from_utf8_lossy(&output.stdout));
    for package in packages.iter().map(AsRef::as_ref) {
        ensure!(built.contains_key(package), "package {package} has no binary called {package}");
    }
    Ok(built)
}

fn executables(messages: &str) -> BTreeMap<String, PathBuf> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    artifacts
        .filter_map(|artifact| {
            Some((artifact["target"]["name"].as_str()?.to_owned(), PathBuf::from(artifact["executable"].as_str()?)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_artifacts_with_an_executable_count() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"common"},"executable":null}
not json
{"reason":"compiler-artifact","target":{"name":"auth"},"executable":"/t/debug/auth"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executables(messages), BTreeMap::from([("auth".to_owned(), PathBuf::from("/t/debug/auth"))]));
    }
}
