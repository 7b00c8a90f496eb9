//! `openapi/events/`: what messages and jobs look like, as the code has it, and as it ever was. Can readers and writers
//! of every revision live with each other?

mod git;
mod history;

use super::{Files, differences, read, verdict, write};
use anyhow::{Result, ensure};
use local_stack::{cargo, data};
use std::{fs, path::Path, process::ExitCode};

const FOLDER: &str = "openapi/events";
const SCHEMA: &str = ".schema.json";
const SAMPLES: &str = ".samples.json";

/// What the code says, each by the name of a type.
struct Contracts {
    schemas: Files,
    /// Lists of values as a publisher may write them.
    samples: Files,
}

pub async fn run(check: bool, base: &str) -> Result<ExitCode> {
    let contracts = generate().await?;
    let folder = data::checkout().join(FOLDER);
    let wanted: Files =
        contracts.schemas.iter().map(|(name, schema)| (format!("{name}{SCHEMA}"), schema.clone())).collect();
    if !check {
        write(&folder, SCHEMA, &wanted)?;
        let added = history::extend(&folder, &contracts, git::is_committed).await?;
        println!("wrote {} schemas to {}; new revisions: {added}", wanted.len(), folder.display());
        return Ok(ExitCode::SUCCESS);
    }
    let mut faults = differences(&read(&folder, SCHEMA)?, &wanted);
    faults.extend(history::faults(&folder, &contracts)?);
    faults.extend(history::rewritten(base).await?);
    let remedy = "Run `cargo xtask events` and commit the result. What is incompatible needs a message type of its \
                  own: the old one is still in queues.";
    Ok(verdict("events", &faults, remedy))
}

async fn generate() -> Result<Contracts> {
    let folder = std::env::temp_dir().join(format!("sevenleague-events-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let generated = generate_into(&folder).await;
    fs::remove_dir_all(&folder)?;
    generated
}

async fn generate_into(folder: &Path) -> Result<Contracts> {
    let example = ["run", "--quiet", "-p", "contracts", "--example", "schemas", "--"];
    let status = cargo::command().args(example).arg(folder).status().await?;
    ensure!(status.success(), "cannot generate the schemas");
    let named = |suffix: &str| -> Result<Files> {
        let files = read(folder, suffix)?.into_iter();
        Ok(files.map(|(name, content)| (name.trim_end_matches(suffix).to_owned(), content)).collect())
    };
    Ok(Contracts { schemas: named(SCHEMA)?, samples: named(SAMPLES)? })
}
