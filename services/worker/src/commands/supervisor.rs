//! The supervisor of one command (`worker supervise`): a process of its own that starts it, keeps its limits, and ends
//! all of it, whatever happens to the worker.
//!
//! It reads a [`Spec`] from its input, and writes an [`Ended`] to its output. The end of its input means that nobody
//! waits any more: it ends what runs, and removes the folder of the run.

use super::{
    descendants::{below, kill_all, memory, on_disk},
    launcher::{LAUNCH, NOT_STARTED},
    spec::{Ended, MIB, MOST_FILES, MOST_ON_DISK, MOST_PROCESSES, Spec, is_passing},
};
use rustix::process::{Pid, WaitOptions, getpid, set_child_subreaper, wait};
use service_kit::Command;
use std::{
    fs::File,
    io::{self, BufRead, Read, Write},
    os::unix::process::CommandExt,
    process::{self, ExitCode},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

pub(crate) const SUPERVISE: Command = Command {
    name: "supervise",
    about: "Run a command of a bundle under its limits; for `serve` alone",
    argument: None,
    settings: Vec::new,
    run: |_| if supervise().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE },
};
/// Between two looks at a run; the first come sooner, as many runs are short.
const LOOK: Duration = Duration::from_millis(100);
const FIRST_LOOK: Duration = Duration::from_millis(2);
/// Looks between two looks at the disk.
const LOOKS_A_DISK: u32 = 5;

fn supervise() -> io::Result<()> {
    set_child_subreaper(Some(getpid()))?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let spec: Spec = serde_json::from_str(&line)?;
    let abandoned = at_end_of_input();
    let ended = match start(&spec) {
        Ok(pid) => watch(&spec, pid, &abandoned),
        Err(error) if is_passing(&error) => Ended::NotStartedNow(error.to_string()),
        Err(error) => Ended::NotStarted(error.to_string()),
    };
    kill_all();
    let mut output = io::stdout().lock();
    // Nobody may be there to hear it.
    let _ = writeln!(output, "{}", serde_json::to_string(&ended)?).and_then(|()| output.flush());
    let _ = abandoned.recv();
    std::fs::remove_dir_all(&spec.folder)
}

/// Disconnected when whoever started this process lets go of it, or dies.
fn at_end_of_input() -> Receiver<()> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        drop(sender);
    });
    receiver
}

fn start(spec: &Spec) -> io::Result<Pid> {
    let folder = &spec.folder;
    let program = process::Command::new("/proc/self/exe")
        // The binary may be several services, by its name.
        .arg0("worker")
        .args([LAUNCH.name, &serde_json::to_string(spec)?])
        .env_clear()
        .envs(&spec.environment)
        .current_dir(Spec::work(folder))
        .stdin(File::open(Spec::stdin(folder))?)
        .stdout(File::create(Spec::stdout(folder))?)
        .stderr(File::create(Spec::stderr(folder))?)
        .process_group(0)
        .spawn()?;
    Pid::from_raw(program.id().cast_signed()).ok_or_else(|| io::Error::other("it has no id"))
}

/// Waits until the program has ended, or must be ended.
fn watch(spec: &Spec, program: Pid, abandoned: &Receiver<()>) -> Ended {
    let (started, mut pause, mut looks) = (Instant::now(), FIRST_LOOK, 0);
    loop {
        // Orphans come to this process, and must not stay as zombies.
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == program {
                return match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) if code == i32::from(NOT_STARTED) => Ended::NotStarted("see its last lines".into()),
                    (Some(code), _) => Ended::Exited(code),
                    (None, signal) => Ended::Signalled(signal.unwrap_or_default()),
                };
            }
        }
        let pids = below(process::id());
        looks += 1;
        if started.elapsed() > Duration::from_secs(spec.seconds) {
            return Ended::TookTooLong;
        }
        if pids.len() > MOST_PROCESSES {
            return Ended::StartedTooManyProcesses;
        }
        if memory(&pids) > spec.memory_mib * MIB {
            return Ended::UsedTooMuchMemory;
        }
        if looks % LOOKS_A_DISK == 0 {
            let (bytes, files) = on_disk(&spec.folder, MOST_FILES);
            if bytes > MOST_ON_DISK || files > MOST_FILES {
                return Ended::WroteTooMuch;
            }
        }
        match abandoned.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) => pause = (pause * 2).min(LOOK),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ended::Abandoned,
        }
    }
}
