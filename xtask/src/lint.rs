//! `cargo xtask lint`: the OpenAPI documents, read by a linter and by a validator of the specification, and the AsyncAPI
//! document, read by a validator of its own.

use anyhow::Result;
use local_stack::{
    data,
    node::{self, Node},
    products,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Scripts of its `package.json`; each takes documents.
const SCRIPTS: [&str; 2] = ["validate", "lint"];

pub async fn run(data: Option<PathBuf>) -> Result<ExitCode> {
    documents(data).await?;
    Ok(ExitCode::SUCCESS)
}

/// Where there is no Node.js and nobody who may install it, says so.
pub async fn documents(data: Option<PathBuf>) -> Result<()> {
    let root = data::root(data)?;
    let Some(node) = Node::ensure(&root).await? else {
        println!("\nthe OpenAPI and AsyncAPI documents are not linted: {}", Node::advice());
        return Ok(());
    };
    let package = data::checkout().join("web/lint");
    node.install(&package, &root).await?;
    let documents = all()?;
    for script in SCRIPTS {
        let arguments = [script, "--"].into_iter().chain(documents.iter().map(String::as_str)).collect::<Vec<_>>();
        node.script(&package, &arguments, &root).await?;
    }
    let messages = data::checkout().join("openapi/events/asyncapi.json").display().to_string();
    node.script(&package, &["asyncapi", "--", &messages], &root).await?;
    println!(
        "\nThe AsyncAPI document and {} OpenAPI documents are sound (log: {})",
        documents.len(),
        node::log(&root).display()
    );
    Ok(())
}

/// The platform's, and each product's.
pub fn all() -> Result<Vec<String>> {
    let mut documents = in_folder(&data::checkout().join("openapi"))?;
    for product in products::all()? {
        documents.extend(in_folder(&product.folder.join("openapi"))?);
    }
    Ok(documents)
}

fn in_folder(folder: &Path) -> Result<Vec<String>> {
    let paths: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let documents = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    Ok(documents.map(|path| path.display().to_string()).collect())
}
