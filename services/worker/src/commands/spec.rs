//! What is run, under which limits, and how it ended: what worker, supervisor and launcher tell each other, as JSON.

use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

/// Processes of one command at a time.
pub(super) const MOST_PROCESSES: usize = 64;
/// Bytes of one file.
pub(super) const LARGEST_FILE: u64 = 64 * MIB;
/// Bytes that a command may have on disk.
pub(super) const MOST_ON_DISK: u64 = 256 * MIB;
/// Files and folders that a command may have on disk.
pub(super) const MOST_FILES: usize = 10_000;
/// Open files of one process.
pub(super) const MOST_OPEN: u64 = 256;
pub(super) const MIB: u64 = 1024 * 1024;

/// One run of a program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Spec {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// All of its environment.
    pub environment: BTreeMap<String, String>,
    /// Made for this run, and removed by the supervisor.
    pub folder: PathBuf,
    pub seconds: u64,
    pub memory_mib: u64,
}

impl Spec {
    /// Where the program runs, its home and its place for temporary files.
    pub fn work(folder: &Path) -> PathBuf {
        folder.join("work")
    }

    pub fn stdin(folder: &Path) -> PathBuf {
        folder.join("stdin")
    }

    pub fn stdout(folder: &Path) -> PathBuf {
        folder.join("stdout")
    }

    pub fn stderr(folder: &Path) -> PathBuf {
        folder.join("stderr")
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ended {
    Exited(i32),
    /// By a signal that was not the supervisor's.
    Signalled(i32),
    TookTooLong,
    UsedTooMuchMemory,
    StartedTooManyProcesses,
    WroteTooMuch,
    /// The worker let go of it, or died.
    Abandoned,
    NotStarted(String),
}

impl Ended {
    /// The sentence for people, of a run with these limits.
    pub fn reason(&self, spec: &Spec) -> String {
        match self {
            Self::Exited(code) => format!("it ended with exit code {code}"),
            Self::Signalled(signal) => format!("it was ended by signal {signal} ({})", Signal(*signal)),
            Self::TookTooLong => format!("it took longer than {} s", spec.seconds),
            Self::UsedTooMuchMemory => format!("it used more than {} MiB of memory", spec.memory_mib),
            Self::StartedTooManyProcesses => format!("it had more than {MOST_PROCESSES} processes"),
            Self::WroteTooMuch => {
                format!("it wrote more than {} MiB or {MOST_FILES} files", MOST_ON_DISK / MIB)
            }
            Self::Abandoned => "nobody waited for it any more".to_owned(),
            Self::NotStarted(why) => format!("it cannot be started: {why}"),
        }
    }
}

struct Signal(i32);

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            6 => "aborted",
            9 => "killed",
            11 => "invalid memory",
            25 => "a file of more than 64 MiB",
            _ => "see signal(7)",
        })
    }
}
