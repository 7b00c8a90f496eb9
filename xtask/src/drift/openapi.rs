//! `openapi/<service>.json`: what the service says of itself, and `openapi/platform.json`, what all of them say. A
//! product's is in its own folder.

use super::{Files, differences, platform, read, verdict, write};
use anyhow::{Context, Result, ensure};
use local_stack::{data, products, programs, services};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{ExitCode, Stdio},
};
use tokio::process::Command;

/// What every program answers to a command, by name.
pub async fn ask_each(question: &str) -> Result<Vec<(String, String)>> {
    let packages = services::packages()?;
    let programs = programs::build("dev", &packages).await?;
    let mut answers = Vec::new();
    for package in packages {
        let mut command = Command::new(&programs[&package]);
        let output =
            command.arg(question).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).output().await;
        let output = output.with_context(|| format!("cannot run {package}"))?;
        ensure!(output.status.success(), "{package} {question} failed ({})", output.status);
        answers.push((package, String::from_utf8(output.stdout)?));
    }
    Ok(answers)
}

pub async fn run(check: bool) -> Result<ExitCode> {
    let mut faults = Vec::new();
    for (folder, wanted) in documents().await? {
        if check {
            faults.extend(differences(&read(&folder, ".json")?, &wanted));
        } else {
            write(&folder, ".json", &wanted)?;
            println!("wrote {} documents to {}", wanted.len(), folder.display());
        }
    }
    Ok(if check {
        verdict("openapi", &faults, "Run `cargo xtask openapi` and commit the result.")
    } else {
        ExitCode::SUCCESS
    })
}

/// What should be in which folder.
async fn documents() -> Result<BTreeMap<PathBuf, Files>> {
    let (products, mut folders) = (products::all()?, BTreeMap::<_, Files>::new());
    let mut parts = Vec::new();
    for (service, document) in ask_each("openapi").await? {
        if let Some(known) = services::platform().into_iter().find(|known| known.name == service) {
            let document = serde_json::from_str(&document).with_context(|| format!("{service} openapi"))?;
            parts.push(platform::Part { service: service.clone(), port: known.port, document });
        }
        let product = products.iter().find(|product| product.name == service);
        let folder = product.map_or(data::checkout(), |product| product.folder.clone()).join("openapi");
        folders.entry(folder).or_default().insert(format!("{service}.json"), document.trim_end().to_owned() + "\n");
    }
    let joined = serde_json::to_string_pretty(&platform::join(parts)?)? + "\n";
    folders.entry(data::checkout().join("openapi")).or_default().insert("platform.json".into(), joined);
    Ok(folders)
}
