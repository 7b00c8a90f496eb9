//! Is `openapi/<service>.json` what the service says of itself?

use super::{Files, differences, read, verdict, write};
use anyhow::{Context, Result, ensure};
use local_stack::{cargo, data, services};
use std::process::{ExitCode, Stdio};
use tokio::process::Command;

/// What every program answers to a command, by name.
pub async fn ask_each(question: &str) -> Result<Vec<(String, String)>> {
    let packages = services::packages();
    let programs = cargo::build(&packages).await?;
    let mut answers = Vec::new();
    for package in packages {
        let mut command = Command::new(&programs[package]);
        let output =
            command.arg(question).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).output().await;
        let output = output.with_context(|| format!("cannot run {package}"))?;
        ensure!(output.status.success(), "{package} {question} failed ({})", output.status);
        answers.push((package.to_owned(), String::from_utf8(output.stdout)?));
    }
    Ok(answers)
}

pub async fn run(check: bool) -> Result<ExitCode> {
    let answers = ask_each("openapi").await?;
    let wanted: Files = answers
        .into_iter()
        .map(|(service, document)| (format!("{service}.json"), document.trim_end().to_owned() + "\n"))
        .collect();
    let folder = data::checkout().join("openapi");
    if check {
        return Ok(verdict(
            "openapi",
            &differences(&read(&folder, ".json")?, &wanted),
            "Run `cargo xtask openapi` and commit the result.",
        ));
    }
    write(&folder, ".json", &wanted)?;
    println!("wrote {} documents to {}", wanted.len(), folder.display());
    Ok(ExitCode::SUCCESS)
}
