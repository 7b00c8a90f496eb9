//! `web/client/src/generated`: the client's types and routes, as the OpenAPI documents have them.

use super::{Files, differences, read, verdict};
use anyhow::{Context, Result};
use local_stack::{data, frontend, node::Node};
use std::{fs, path::PathBuf, process::ExitCode};

const GENERATED: &str = "src/generated";

pub async fn run(data: Option<PathBuf>, check: bool) -> Result<ExitCode> {
    let root = data::root(data)?;
    let (client, node) = (frontend::client(), Node::ensure(&root).await?.with_context(Node::advice)?);
    node.install(&client, &root).await?;
    let scratch = root.join(format!("client-{}", std::process::id()));
    let target = if check { &scratch } else { &client.join(GENERATED) };
    node.script(&client, &["generate", "--", &target.to_string_lossy()], &root).await?;
    let wanted: Files = read(target, ".ts")?;
    if !check {
        println!("wrote {} files to {}", wanted.len(), target.display());
        return Ok(ExitCode::SUCCESS);
    }
    fs::remove_dir_all(&scratch)?;
    let faults = differences(&read(&client.join(GENERATED), ".ts")?, &wanted);
    Ok(verdict("client", &faults, "Run `cargo xtask client` and commit the result."))
}
