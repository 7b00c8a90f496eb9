//! `cargo xtask reset`: the data that `up` keeps are wiped.

use anyhow::Result;
use local_stack::{
    data::{self, Folder},
    processes,
};
use std::{path::PathBuf, process::ExitCode};

pub async fn run(data: Option<PathBuf>) -> Result<ExitCode> {
    let root = data::root(data)?;
    let folder = Folder::open(&root, local_stack::UP)?;
    processes::stop_leftovers(&folder.path).await?;
    let path = folder.path.clone();
    folder.wipe()?;
    println!("wiped {}", path.display());
    Ok(ExitCode::SUCCESS)
}
