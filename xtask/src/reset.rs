//! How does a developer start over?

use crate::{
    data::{self, Folder},
    stack::{self, processes},
};
use anyhow::Result;
use std::{path::PathBuf, process::ExitCode};

pub async fn run(data: Option<PathBuf>) -> Result<ExitCode> {
    let root = data::root(data)?;
    let folder = Folder::open(&root, stack::UP)?;
    processes::stop_leftovers(&folder.path).await?;
    let path = folder.path.clone();
    folder.wipe()?;
    println!("wiped {}", path.display());
    Ok(ExitCode::SUCCESS)
}
