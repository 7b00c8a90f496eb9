//! What git says of files under the folder of messages.

use super::FOLDER;
use anyhow::{Context, Result};
use local_stack::data;
use std::process::Stdio;
use tokio::process::Command;

/// Whether the file, named from the folder of messages on, is in the last commit; also without git, which is the
/// careful answer.
pub async fn is_committed(file: &str) -> Result<bool> {
    let known = run(&["cat-file", "-e", &format!("HEAD:{FOLDER}/{file}")]).await?.is_some();
    Ok(known || run(&["rev-parse", "HEAD"]).await?.is_none())
}

/// Files in these folders that the commit has, and that are gone or others now; `None` if there is no such commit here.
pub async fn changed_since(base: &str, folders: [&str; 2]) -> Result<Option<Vec<String>>> {
    let [one, other] = folders.map(|folder| format!("{FOLDER}/{folder}"));
    let changed = run(&["diff", "--name-only", "--no-renames", "--diff-filter=a", base, "--", &one, &other]).await?;
    Ok(changed.map(|names| names.lines().map(str::to_owned).collect()))
}

/// What git answers; `None` if it refuses.
async fn run(args: &[&str]) -> Result<Option<String>> {
    let output = Command::new("git")
        .current_dir(data::checkout())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .await
        .context("cannot run git")?;
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
}
