//! Is `openapi/<service>.json` what the service says of itself?

use super::{Files, differences, read, verdict, write};
use anyhow::{Context, Result, ensure};
use local_stack::{cargo, data};
use std::process::{ExitCode, Stdio};
use tokio::process::Command;

const SERVICES: [&str; 7] = ["auth", "permission", "billing", "configurator", "mailer", "worker", "forum"];

pub async fn run(check: bool) -> Result<ExitCode> {
    let programs = cargo::build(&SERVICES).await?;
    let mut wanted = Files::new();
    for service in SERVICES {
        let mut command = Command::new(&programs[service]);
        let output =
            command.arg("openapi").stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).output().await;
        let output = output.with_context(|| format!("cannot run {service}"))?;
        ensure!(
            output.status.success(),
            "{service} openapi failed ({}):\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        let document = String::from_utf8(output.stdout)?;
        wanted.insert(format!("{service}.json"), document.trim_end().to_owned() + "\n");
    }
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
