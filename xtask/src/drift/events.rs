//! `openapi/events/`: are the committed schemas of messages those of the code, and can yesterday's readers and writers
//! live with them?

use super::{Files, compat, differences, read, verdict, write};
use anyhow::{Context, Result, ensure};
use local_stack::{cargo, data};
use std::{
    fs,
    path::Path,
    process::{ExitCode, Stdio},
};
use tokio::process::Command;

const FOLDER: &str = "openapi/events";
const SUFFIX: &str = ".schema.json";

pub async fn run(check: bool, base: &str) -> Result<ExitCode> {
    let wanted = generate().await?;
    let folder = data::checkout().join(FOLDER);
    if !check {
        write(&folder, SUFFIX, &wanted)?;
        println!("wrote {} schemas to {}", wanted.len(), folder.display());
        return Ok(ExitCode::SUCCESS);
    }
    let mut faults = differences(&read(&folder, SUFFIX)?, &wanted);
    faults.extend(incompatibilities(&at_commit(base).await?, &wanted)?);
    let remedy = "Run `cargo xtask events` and commit the result. What is incompatible needs a message type of its \
                  own: the old one is still in queues.";
    Ok(verdict("events", &faults, remedy))
}

async fn generate() -> Result<Files> {
    let folder = std::env::temp_dir().join(format!("sevenleague-events-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let generated = generate_into(&folder).await;
    fs::remove_dir_all(&folder)?;
    generated
}

async fn generate_into(folder: &Path) -> Result<Files> {
    let status = cargo::command()
        .args(["run", "--quiet", "-p", "contracts", "--example", "schemas", "--"])
        .arg(folder)
        .status()
        .await?;
    ensure!(status.success(), "cannot generate the schemas");
    read(folder, SUFFIX)
}

/// The schemas as they were; none if that commit is not known here, as the parent of the first one, or had none.
async fn at_commit(base: &str) -> Result<Files> {
    let mut files = Files::new();
    let Some(names) = git(&["ls-tree", "--name-only", base, &format!("{FOLDER}/")]).await? else {
        println!("events: there is no commit {base} to stay compatible with");
        return Ok(files);
    };
    for path in names.lines().filter(|path| path.ends_with(SUFFIX)) {
        let content = git(&["show", &format!("{base}:{path}")])
            .await?
            .with_context(|| format!("cannot read {path} at {base}"))?;
        let name = path.rsplit('/').next().unwrap_or(path);
        files.insert(name.to_owned(), content);
    }
    Ok(files)
}

async fn git(args: &[&str]) -> Result<Option<String>> {
    let output = Command::new("git")
        .current_dir(data::checkout())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .await
        .context("cannot run git")?;
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
}

fn incompatibilities(old: &Files, new: &Files) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for (name, old) in old {
        match new.get(name) {
            None => faults.push(format!("{name} is gone; its messages are not")),
            Some(new) => {
                let changes = compat::breaking_changes(&serde_json::from_str(old)?, &serde_json::from_str(new)?);
                faults.extend(
                    changes
                        .into_iter()
                        .map(|change| format!("{name} is incompatible with what is committed: {change}")),
                );
            }
        }
    }
    Ok(faults)
}
