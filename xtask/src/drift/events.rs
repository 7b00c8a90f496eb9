//! `openapi/events/` and `docs/messages.md`: what messages and jobs look like, as the code has it, and as it ever was,
//! and who says what to whom. Can readers and writers of every revision live with each other?

mod git;
mod history;

use super::{Files, differences, read, verdict, write};
use anyhow::{Result, ensure};
use local_stack::{cargo, data};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

const FOLDER: &str = "openapi/events";
const SCHEMA: &str = ".schema.json";
const SAMPLES: &str = ".samples.json";
const ASYNCAPI: &str = "asyncapi.json";
const GRAPH: &str = "messages.md";
const REMEDY: &str = "Run `cargo xtask events` and commit the result. What is incompatible needs a message type of its \
                      own: the old one is still in queues.";

/// What the code says, each by the name of a type.
struct Contracts {
    schemas: Files,
    /// Lists of values as a publisher may write them.
    samples: Files,
    /// AsyncAPI 3: topics, queues, and who does what there.
    asyncapi: String,
    /// The same for people.
    graph: String,
}

impl Contracts {
    /// Each folder with the suffix of the files that are generated there, and those files.
    fn generated(&self) -> [(PathBuf, &'static str, Files); 3] {
        let schemas = self.schemas.iter().map(|(name, schema)| (format!("{name}{SCHEMA}"), schema.clone()));
        let (folder, docs) = (data::checkout().join(FOLDER), data::checkout().join("docs"));
        [
            (folder.clone(), SCHEMA, schemas.collect()),
            (folder, ASYNCAPI, Files::from([(ASYNCAPI.to_owned(), self.asyncapi.clone())])),
            (docs, GRAPH, Files::from([(GRAPH.to_owned(), self.graph.clone())])),
        ]
    }
}

pub async fn run(check: bool, base: &str) -> Result<ExitCode> {
    if check {
        return Ok(verdict("events", &faults(base).await?, REMEDY));
    }
    let contracts = generate().await?;
    for (folder, suffix, files) in contracts.generated() {
        write(&folder, suffix, &files)?;
    }
    let folder = data::checkout().join(FOLDER);
    let added = history::extend(&folder, &contracts, git::is_committed).await?;
    println!("wrote {} schemas to {}; new revisions: {added}", contracts.schemas.len(), folder.display());
    Ok(ExitCode::SUCCESS)
}

/// Fails, and says why, if the committed files are not what they should be.
pub async fn ensure_sound() -> Result<()> {
    let faults = faults("HEAD").await?;
    ensure!(faults.is_empty(), "{}\n{REMEDY}", faults.join("\n"));
    Ok(())
}

async fn faults(base: &str) -> Result<Vec<String>> {
    let contracts = generate().await?;
    let mut faults = Vec::new();
    for (folder, suffix, files) in contracts.generated() {
        faults.extend(differences(&read(&folder, suffix)?, &files));
    }
    faults.extend(history::faults(&data::checkout().join(FOLDER), &contracts)?);
    faults.extend(history::rewritten(base).await?);
    Ok(faults)
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
    let (asyncapi, graph) = (fs::read_to_string(folder.join(ASYNCAPI))?, fs::read_to_string(folder.join(GRAPH))?);
    Ok(Contracts { schemas: named(SCHEMA)?, samples: named(SAMPLES)?, asyncapi, graph })
}
