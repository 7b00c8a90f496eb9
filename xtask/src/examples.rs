//! `cargo xtask examples`: examples for the documents, from what tests sent and got.
//!
//! An example is one of the recordings that the tests make (`test-support`). One that is there stays as long as they
//! have all of its properties, so that a run changes what has changed. That each example has what its document demands
//! is for the services' own tests.

mod choosing;
mod masking;
mod missing;

use crate::suite;
use anyhow::{Context, Result, ensure};
use choosing::{choose, is_met};
use local_stack::{Options, Stack, data, products, services};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What was recorded of each operation, by where its example is.
type Recordings = BTreeMap<PathBuf, Vec<Value>>;

/// Runs the tests that `args` name, or all, and writes an example of each operation that they met.
pub async fn run(data: Option<PathBuf>, args: Vec<String>) -> Result<ExitCode> {
    let options = Options::private("examples", &suite::NEEDS);
    let written = local_stack::with(data, options, async |stack| recorded(stack, &args).await).await?;
    let Some(written) = written else { return Ok(local_stack::INTERRUPTED.into()) };
    println!("wrote {written} examples; `cargo xtask openapi` takes them into the documents");
    Ok(ExitCode::SUCCESS)
}

async fn recorded(stack: &mut Stack, args: &[String]) -> Result<usize> {
    let folder = stack.scratch("examples")?;
    ensure!(suite::run(stack, args, Some(&folder)).await? == 0, "the tests failed");
    write(&read(&folder)?)
}

/// Fails if there is an example of what no test sent and got, or none of an operation.
pub fn check(folder: &Path) -> Result<()> {
    let missing = missing::operations()?;
    ensure!(
        missing.is_empty(),
        "no documented server answered {} in a test: let one do so, then `cargo xtask examples`",
        missing.join(", ")
    );
    let mut recordings = read(folder)?;
    for service in services::packages()? {
        let files = entries(&prose(&service)?)?.into_iter();
        files.filter(|file| file.extension().is_some_and(|extension| extension == "json")).for_each(|file| {
            recordings.entry(file).or_default();
        });
    }
    let stale = recordings.iter().filter(|(file, recordings)| !is_true(file, recordings));
    let stale: Vec<_> = stale.map(|(file, _)| file.display().to_string()).collect();
    ensure!(stale.is_empty(), "no test met what these say, run `cargo xtask examples`:\n{}", stale.join("\n"));
    Ok(())
}

/// Whether recordings have all properties of the example that is there.
fn is_true(file: &Path, recordings: &[Value]) -> bool {
    let example = fs::read(file).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    example.is_some_and(|example| is_met(&example, recordings))
}

fn write(recordings: &Recordings) -> Result<usize> {
    let mut written = 0;
    for (file, recordings) in recordings.iter().filter(|(file, recordings)| !is_true(file, recordings)) {
        let mut example = choose(recordings).context("nothing was recorded")?.clone();
        masking::mask(&mut example);
        fs::write(file, serde_json::to_string_pretty(&example)? + "\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
        written += 1;
    }
    Ok(written)
}

/// `<service>/<operationId>/<hash>.json`, of the services that have prose here.
fn read(folder: &Path) -> Result<Recordings> {
    let mut recordings = Recordings::new();
    for service in services::packages()? {
        let prose = prose(&service)?;
        for operation in entries(&folder.join(&service))? {
            let name = operation.file_name().context("a folder has a name")?.to_string_lossy().into_owned();
            let read = |file: &PathBuf| Ok(serde_json::from_slice(&fs::read(file)?)?);
            let of_it = entries(&operation)?.iter().map(read).collect::<Result<_>>()?;
            recordings.insert(prose.join(format!("{name}.json")), of_it);
        }
    }
    Ok(recordings)
}

/// Where the prose of a service's operations is.
fn prose(service: &str) -> Result<PathBuf> {
    let product = products::all()?.into_iter().find(|product| product.name == service);
    Ok(product.map_or_else(
        || data::checkout().join("openapi/docs").join(service),
        |product| product.folder.join("openapi/docs"),
    ))
}

/// In their order; none if there is no such folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
