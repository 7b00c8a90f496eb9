//! What is run, under which limits, and how it ended: what worker, supervisor and launcher tell each other, as JSON.

use crate::handlers::Fault;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt, io,
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

/// Whether the machine lacks something just now: room on its disk, memory, processes, open files; or the file is being
/// replaced.
pub(super) fn is_passing(error: &io::Error) -> bool {
    let passing = [Errno::NOSPC, Errno::DQUOT, Errno::NOMEM, Errno::AGAIN, Errno::MFILE, Errno::NFILE, Errno::TXTBSY];
    Errno::from_io_error(error).is_some_and(|code| passing.contains(&code))
}

/// What such an error is to a job: want of something that passes uses up no attempt.
pub(super) fn fault(what: &str, error: &io::Error) -> Fault {
    let reason = format!("{what}: {error}");
    if is_passing(error) { Fault::away(reason) } else { Fault::transient(reason) }
}

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
    /// The machine lacks something that starting it takes.
    NotStartedNow(String),
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
            Self::NotStarted(why) | Self::NotStartedNow(why) => format!("it cannot be started: {why}"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn want_of_something_that_passes_uses_up_no_attempt() {
        let fault = |code: Errno| fault("it has failed", &io::Error::from_raw_os_error(code.raw_os_error()));
        for passing in [Errno::NOSPC, Errno::AGAIN, Errno::NOMEM] {
            assert!(matches!(fault(passing), Fault::Away(_)), "{passing}");
        }
        let Fault::Transient(reason) = fault(Errno::NOENT) else { panic!("nothing is there to wait for") };
        assert!(reason.starts_with("it has failed: No such file"), "{reason}");
    }
}
