//! Generated files, written by the code or, with `--check`, compared with it.

pub mod client;
mod compat;
pub mod events;
pub mod openapi;
mod platform;
pub mod settings;
pub mod sqlx;

use anyhow::Result;
use std::{collections::BTreeMap, fs, path::Path, process::ExitCode};

/// Content by file name.
type Files = BTreeMap<String, String>;

/// The files of a folder whose names end like this; none if there is no such folder.
fn read(folder: &Path, suffix: &str) -> Result<Files> {
    let mut files = Files::new();
    if !folder.exists() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(suffix) && entry.file_type()?.is_file() {
            files.insert(name, fs::read_to_string(entry.path())?);
        }
    }
    Ok(files)
}

/// Makes the folder hold exactly these files among those with the suffix.
fn write(folder: &Path, suffix: &str, wanted: &Files) -> Result<()> {
    fs::create_dir_all(folder)?;
    for name in read(folder, suffix)?.keys().filter(|name| !wanted.contains_key(*name)) {
        fs::remove_file(folder.join(name))?;
    }
    for (name, content) in wanted {
        fs::write(folder.join(name), content)?;
    }
    Ok(())
}

/// One sentence a file that is not what it should be.
fn differences(committed: &Files, wanted: &Files) -> Vec<String> {
    let stale = wanted.iter().filter_map(|(name, content)| match committed.get(name) {
        None => Some(format!("{name} is missing")),
        Some(old) if old != content => Some(format!("{name} is out of date")),
        Some(_) => None,
    });
    let extra = committed
        .keys()
        .filter(|name| !wanted.contains_key(*name))
        .map(|name| format!("{name} belongs to nothing any more"));
    stale.chain(extra).collect()
}

/// Prints what is wrong and how to put it right.
fn verdict(what: &str, faults: &[String], remedy: &str) -> ExitCode {
    if faults.is_empty() {
        println!("{what}: up to date");
        return ExitCode::SUCCESS;
    }
    for fault in faults {
        println!("{what}: {fault}");
    }
    println!("{remedy}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> Files {
        entries.iter().map(|(name, content)| (name.to_string(), content.to_string())).collect()
    }

    #[test]
    fn each_file_that_differs_is_named() {
        let committed = files(&[("auth.json", "old"), ("billing.json", "same"), ("gone.json", "x")]);
        let wanted = files(&[("auth.json", "new"), ("billing.json", "same"), ("mailer.json", "y")]);
        assert_eq!(
            differences(&committed, &wanted),
            ["auth.json is out of date", "mailer.json is missing", "gone.json belongs to nothing any more"]
        );
        assert!(differences(&wanted, &wanted).is_empty());
    }

    #[test]
    fn writing_leaves_exactly_what_is_wanted() {
        let folder = std::env::temp_dir().join(format!("xtask-drift-{}", std::process::id()));
        write(&folder, ".json", &files(&[("a.json", "1"), ("b.json", "2")])).unwrap();
        fs::write(folder.join("README.md"), "kept").unwrap();
        let wanted = files(&[("b.json", "3")]);
        write(&folder, ".json", &wanted).unwrap();
        assert_eq!(read(&folder, ".json").unwrap(), wanted);
        assert!(folder.join("README.md").exists());
        fs::remove_dir_all(&folder).unwrap();
    }
}
