//! The command that finds API keys in files, such as before they are published.

use access::token::{API_KEY_LENGTH, ApiKey};
use service_kit::Command;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
    process::ExitCode,
};

/// Read at once.
const CHUNK: u64 = 1 << 20;

pub const FIND: Command = Command {
    name: "find-api-keys",
    about: "Name the files below a folder, and their lines, in which an API key stands; fails if there is one",
    argument: Some("path"),
    settings: Vec::new,
    run: |path| find(Path::new(&path.unwrap_or_default())),
};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command that says what it found")]
fn find(path: &Path) -> ExitCode {
    let mut found = 0;
    let walked = walk(path, &mut |file, line, key| {
        found += 1;
        println!("{}:{line}: API key {}", file.display(), key.id());
    });
    match walked {
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
        Ok(()) if found > 0 => ExitCode::FAILURE,
        Ok(()) => ExitCode::SUCCESS,
    }
}

/// Files below `path`, or `path` itself; links are not followed.
fn walk(path: &Path, tell: &mut impl FnMut(&Path, usize, &ApiKey)) -> io::Result<()> {
    let named = |fault: io::Error| io::Error::new(fault.kind(), format!("{}: {fault}", path.display()));
    let kind = fs::symlink_metadata(path).map_err(named)?.file_type();
    if kind.is_dir() {
        for entry in fs::read_dir(path).map_err(named)? {
            walk(&entry.map_err(named)?.path(), tell)?;
        }
    } else if kind.is_file() {
        read(&mut File::open(path).map_err(named)?, |line, key| tell(path, line, key)).map_err(named)?;
    }
    Ok(())
}

fn read(file: &mut impl Read, mut tell: impl FnMut(usize, &ApiKey)) -> io::Result<()> {
    let (mut text, mut line) = (Vec::new(), 1);
    loop {
        // What is left of the last chunk is too short for a key, so none is found twice.
        if file.by_ref().take(CHUNK).read_to_end(&mut text)? == 0 {
            return Ok(());
        }
        let shown = String::from_utf8_lossy(&text);
        for (at, key) in ApiKey::find_in(&shown) {
            tell(line + lines(shown[..at].as_bytes()), &key);
        }
        let read = text.len().saturating_sub(API_KEY_LENGTH - 1);
        line += lines(&text[..read]);
        text.drain(..read);
    }
}

fn lines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}
