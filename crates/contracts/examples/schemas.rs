//! Writes the JSON Schema of every message into a folder: what `cargo xtask events` runs.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map(PathBuf::from).ok_or("usage: schemas <folder>")?;
    for (name, schema) in contracts::schemas::all()? {
        fs::write(folder.join(name), schema)?;
    }
    Ok(())
}
