//! Writes the JSON Schema and samples of every message into a folder: what `cargo xtask events` runs.

use contracts::schemas;
use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map(PathBuf::from).ok_or("usage: schemas <folder>")?;
    for contract in schemas::all() {
        let (schema, samples) = (&contract.schema, (contract.samples)()?);
        fs::write(folder.join(format!("{}.schema.json", contract.name)), serde_json::to_string_pretty(schema)? + "\n")?;
        let samples = serde_json::to_string_pretty(&samples)? + "\n";
        fs::write(folder.join(format!("{}.samples.json", contract.name)), samples)?;
    }
    Ok(())
}
