//! The launcher: sets the limits of its own process, then becomes the program (`worker launch`). It has the program's
//! environment and files already.

use super::spec::{LARGEST_FILE, MIB, MOST_OPEN, Spec};
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use service_kit::Command;
use std::{io, os::unix::process::CommandExt, process::ExitCode};

pub(crate) const LAUNCH: Command = Command {
    name: "launch",
    about: "Become a command of a bundle; for `supervise` alone",
    argument: Some("SPEC"),
    settings: Vec::new,
    run,
};
/// Exit code for a program that cannot be started, as of a shell.
pub(super) const NOT_STARTED: u8 = 127;
/// All processes of the user: against an avalanche between two looks of the supervisor, which counts the command's own.
const MOST_OF_USER: u64 = 4_096;

#[expect(clippy::print_stderr, reason = "it is the program's")]
fn run(spec: Option<String>) -> ExitCode {
    let spec = spec.and_then(|spec| serde_json::from_str::<Spec>(&spec).ok());
    let Some(spec) = spec else { return ExitCode::from(NOT_STARTED) };
    let error = limit(&spec).err().unwrap_or_else(|| {
        let mut program = std::process::Command::new(&spec.program);
        program.args(&spec.arguments).exec()
    });
    eprintln!("{} cannot be started: {error}", spec.program.display());
    ExitCode::from(NOT_STARTED)
}

/// The supervisor sees how much memory all processes use; what one can ask for at all is limited here, as much can
/// happen between two looks.
fn limit(spec: &Spec) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Fsize, LARGEST_FILE),
        (Resource::Nofile, MOST_OPEN),
        (Resource::Nproc, MOST_OF_USER),
        (Resource::Data, 2 * spec.memory_mib * MIB),
    ] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}
