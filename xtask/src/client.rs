//! Tests of the client of frontends: compiled, tested, weighed and documented.

use anyhow::Result;
use local_stack::{
    data,
    frontend::client,
    node::{self, Node},
};
use std::{path::PathBuf, time::Instant};

/// What the client must pass, in this order: scripts of its `package.json`.
const SCRIPTS: [&str; 4] = ["build", "test", "size", "docs"];

/// Where there is no Node.js and nobody who may install it, says so.
pub async fn test(data: Option<PathBuf>) -> Result<()> {
    let root = data::root(data)?;
    let Some(node) = Node::ensure(&root).await? else {
        println!("\nthe client of frontends is not tested: {}", Node::advice());
        return Ok(());
    };
    let began = Instant::now();
    node.install(&client(), &root).await?;
    for script in SCRIPTS {
        node.script(&client(), &[script], &root).await?;
    }
    let log = node::log(&root);
    println!("\nthe client of frontends passed in {:.1} s (log: {})", began.elapsed().as_secs_f32(), log.display());
    Ok(())
}
