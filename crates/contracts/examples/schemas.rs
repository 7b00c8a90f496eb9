//! Writes the JSON Schema of every message into a folder: what `cargo xtask events` runs.

use contracts::schemas;
use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map(PathBuf::from).ok_or("usage: schemas <folder>")?;
    let contracts = schemas::all().into_iter().map(|contract| (contract.name, contract.schema));
    for (name, schema) in contracts.chain([("envelope".to_owned(), schemas::envelope())]) {
        fs::write(folder.join(format!("{name}.schema.json")), serde_json::to_string_pretty(&schema)? + "\n")?;
    }
    Ok(())
}
