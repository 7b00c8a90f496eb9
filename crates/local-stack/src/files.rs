//! Small files, written so that nobody reads half of one, or a secret.

use anyhow::{Context, Result};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs,
    io::{ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Replaces the file at once; only its owner can read it.
pub fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let write = || {
        let new = path.with_extension("new");
        let _ = fs::remove_file(&new);
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?.write_all(content)?;
        fs::rename(&new, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    write_private(path, &serde_json::to_vec_pretty(value)?)
}

/// `None` if there is no such file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(
            serde_json::from_slice(&bytes).with_context(|| format!("{} is not what it should be", path.display()))?,
        )),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// The last lines of a log, for an error message: what was said, without the backtraces that push it out of sight.
pub fn tail(path: &Path, lines: usize) -> String {
    const ENOUGH_BYTES: u64 = 64 * 1024;
    let read = || -> std::io::Result<String> {
        let mut file = fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(ENOUGH_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    last_said(&read().unwrap_or_default(), lines)
}

fn last_said(text: &str, lines: usize) -> String {
    let mut in_backtrace = false;
    let said: Vec<_> = text
        .lines()
        .filter(|line| {
            in_backtrace =
                line.trim().eq_ignore_ascii_case("stack backtrace:") || in_backtrace && is_frame(line.trim_start());
            !in_backtrace
        })
        .collect();
    said[said.len().saturating_sub(lines)..].iter().map(|line| format!("    {line}\n")).collect()
}

/// `7: crate::function`, or `at ./src/main.rs:7` below it.
fn is_frame(text: &str) -> bool {
    text.starts_with("at ") || text.split_once(": ").is_some_and(|(number, _)| number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backtrace_does_not_push_out_what_was_said() {
        let frames: String =
            (0..40).map(|frame| format!("  {frame:2}: auth::serve\n             at ./src/main.rs:{frame}\n")).collect();
        let log = format!(
            "starting\nError: the port is taken\n\nCaused by:\n    0: binding\n    in use\n\nStack \
             backtrace:\n{frames}stopped"
        );
        let shown = last_said(&log, 8);
        assert!(shown.contains("Error: the port is taken") && shown.contains("in use"), "{shown}");
        assert!(shown.contains("0: binding") && shown.contains("stopped") && !shown.contains("main.rs"), "{shown}");
    }
}
