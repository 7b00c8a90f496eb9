//! Child processes: started, watched and stopped, and nothing else with them.

use crate::{
    files,
    identity::{self, Identity},
    tools,
};
use anyhow::{Context, Result, anyhow};
pub use identity::signal;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};
use tokio::process::{Child, Command};

/// What a daemon of ours sees of the caller's environment; everything else it is told explicitly.
const INHERITED: [&str; 9] =
    ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "RUST_LOG", "RUST_BACKTRACE"];
/// A service promises to be gone within 25 s of SIGTERM; PostgreSQL may have a checkpoint to write.
const GRACE: Duration = Duration::from_secs(28);
const POLL: Duration = Duration::from_millis(100);
/// A process that dies more often than this within a minute will not get better.
const MAX_RESTARTS_A_MINUTE: usize = 5;

/// Services stop first, all at once; infrastructure last, one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layer {
    Infrastructure,
    Service,
}

/// How to start one process.
#[derive(Clone)]
pub struct Spec {
    pub name: String,
    pub layer: Layer,
    pub program: PathBuf,
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// Run as this user instead of our own.
    pub user: Option<&'static str>,
    /// What asks it to end in good order: `TERM`, or PostgreSQL's `INT`; `KILL` where there is no order to keep.
    pub stop: &'static str,
}

impl Spec {
    /// As ourselves, with an empty environment, ended by `TERM`.
    pub fn new(name: &str, layer: Layer, program: PathBuf, args: Vec<String>) -> Self {
        Self { name: name.into(), layer, program, args, env: BTreeMap::new(), user: None, stop: "TERM" }
    }
}

struct Process {
    spec: Spec,
    child: Child,
    identity: Identity,
    restarts: Vec<Instant>,
}

/// A line of `processes.json`, by which the next run finds what a killed one left behind.
#[derive(Serialize, Deserialize)]
struct Record {
    name: String,
    layer: Layer,
    stop: String,
    identity: Identity,
}

pub struct Processes {
    folder: PathBuf,
    running: Vec<Process>,
}

impl Processes {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), running: Vec::new() }
    }

    pub fn log(&self, name: &str) -> PathBuf {
        log_file(&self.folder, name)
    }

    pub fn start(&mut self, spec: Spec) -> Result<()> {
        let log = fs::File::create(self.log(&spec.name))?;
        self.launch(spec, log)
    }

    fn launch(&mut self, spec: Spec, log: fs::File) -> Result<()> {
        let (child, identity) = spawn(&spec, log)?;
        self.running.push(Process { spec, child, identity, restarts: Vec::new() });
        self.record()
    }

    /// An error that says what is wrong with a process, and what that said last. Where its log is, whoever stops the
    /// stack says.
    pub fn complaint(&self, name: &str, what: &str) -> anyhow::Error {
        anyhow!("{name} {what}; the end of its log:\n{}", files::tail(&self.log(name), 25))
    }

    /// Runs a program to its end; an error with its output unless it succeeds.
    pub async fn run(&self, spec: &Spec) -> Result<()> {
        let log = self.log(&spec.name);
        let status = command(spec, fs::File::create(&log)?)?
            .kill_on_drop(true)
            .status()
            .await
            .with_context(|| format!("cannot run {}", spec.name))?;
        if status.success() { Ok(()) } else { Err(self.complaint(&spec.name, &format!("failed ({status})"))) }
    }

    pub fn pid(&self, name: &str) -> Option<u32> {
        self.running.iter().find(|process| process.spec.name == name).map(|process| process.identity.pid)
    }

    /// An error with the end of its log if any process has ended.
    pub fn check(&mut self) -> Result<()> {
        for process in &mut self.running {
            if let Some(status) = process.child.try_wait()? {
                let name = process.spec.name.clone();
                return Err(self.complaint(&name, &format!("ended ({status})")));
            }
        }
        Ok(())
    }

    /// Starts again what has ended, and names it; an error if that happens too often.
    pub fn revive(&mut self) -> Result<Vec<String>> {
        let mut revived = Vec::new();
        for process in &mut self.running {
            let Some(status) = process.child.try_wait()? else { continue };
            process.restarts.retain(|at| at.elapsed() < Duration::from_secs(60));
            if process.restarts.len() >= MAX_RESTARTS_A_MINUTE {
                let name = process.spec.name.clone();
                return Err(self.complaint(&name, &format!("keeps ending ({status})")));
            }
            let log = log_file(&self.folder, &process.spec.name);
            println!("{} ended ({status}); starting it again", process.spec.name);
            (process.child, process.identity) = spawn(&process.spec, fs::OpenOptions::new().append(true).open(&log)?)?;
            process.restarts.push(Instant::now());
            revived.push(process.spec.name.clone());
        }
        if !revived.is_empty() {
            self.record()?;
        }
        Ok(revived)
    }

    /// Ends a process at once, as a crash would; gives what it takes to start it again.
    pub async fn kill(&mut self, name: &str) -> Result<Spec> {
        self.end(name, "KILL").await
    }

    /// Ends a process by a signal, and waits until it is gone; gives what it takes to start it again.
    pub async fn end(&mut self, name: &str, signal: &str) -> Result<Spec> {
        let position = self
            .running
            .iter()
            .position(|process| process.spec.name == name)
            .with_context(|| format!("{name} is not running"))?;
        let mut process = self.running.remove(position);
        identity::signal(process.identity.pid, signal).await?;
        process.child.wait().await?;
        self.record()?;
        Ok(process.spec)
    }

    /// Starts what was killed; its log goes on.
    pub fn start_again(&mut self, spec: Spec) -> Result<()> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log(&spec.name))?;
        self.launch(spec, log)
    }

    /// Stops the process of that name.
    pub async fn stop_one(&mut self, name: &str) -> Result<()> {
        let (stopped, running) = self.running.drain(..).partition(|process| process.spec.name == name);
        self.running = running;
        stop_together(stopped).await?;
        self.record()
    }

    /// Stops the services together, then the infrastructure in the reverse order of its start.
    pub async fn stop(&mut self) -> Result<()> {
        let (services, infrastructure): (Vec<_>, Vec<_>) =
            self.running.drain(..).partition(|process| process.spec.layer == Layer::Service);
        stop_together(services).await?;
        for process in infrastructure.into_iter().rev() {
            stop_together(vec![process]).await?;
        }
        self.record()
    }

    fn record(&self) -> Result<()> {
        let records: Vec<_> = self.running.iter().map(|process| process.record()).collect();
        files::write_json(&record_file(&self.folder), &records)
    }
}

impl Process {
    fn record(&self) -> Record {
        Record {
            name: self.spec.name.clone(),
            layer: self.spec.layer,
            stop: self.spec.stop.to_owned(),
            identity: self.identity.clone(),
        }
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }
}

fn log_file(folder: &Path, name: &str) -> PathBuf {
    folder.join("logs").join(format!("{name}.log"))
}

fn record_file(folder: &Path) -> PathBuf {
    folder.join("processes.json")
}

fn spawn(spec: &Spec, log: fs::File) -> Result<(Child, Identity)> {
    let child = command(spec, log)?.spawn().with_context(|| format!("cannot start {}", spec.name))?;
    let pid = child.id().with_context(|| format!("{} ended at once", spec.name))?;
    let identity = identity::of(pid).with_context(|| format!("{} ended at once", spec.name))?;
    Ok((child, identity))
}

fn command(spec: &Spec, log: fs::File) -> Result<Command> {
    let setpriv = tools::find("setpriv").context("there is no setpriv (package util-linux)")?;
    let mut command = Command::new(setpriv);
    // Should we be killed outright, the kernel asks the child to end in our stead.
    command.args(["--pdeathsig", spec.stop]);
    if let Some(user) = spec.user {
        command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--init-groups"]);
    }
    command.arg(&spec.program).args(&spec.args);
    command
        .env_clear()
        .envs(INHERITED.iter().filter_map(|name| Some((name, env::var_os(name)?))))
        .env("NO_COLOR", "1")
        .envs(&spec.env);
    // A group of its own: Ctrl-C in the terminal is for us, who stop things in order.
    command.process_group(0).current_dir("/").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

async fn stop_together(mut processes: Vec<Process>) -> Result<()> {
    for process in &mut processes {
        if process.ended()?.is_none() {
            identity::signal(process.identity.pid, process.spec.stop).await?;
        }
    }
    let deadline = Instant::now() + GRACE;
    for process in &mut processes {
        while process.ended()?.is_none() {
            if Instant::now() >= deadline {
                println!("{} did not stop within {} s: killed", process.spec.name, GRACE.as_secs());
                process.child.kill().await?;
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}

/// Stops what an earlier run, killed before it could, left running in this folder.
pub async fn stop_leftovers(folder: &Path) -> Result<()> {
    let records: Vec<Record> = files::read_json(&record_file(folder))?.unwrap_or_default();
    let (services, infrastructure): (Vec<_>, Vec<_>) =
        records.into_iter().partition(|record| record.layer == Layer::Service);
    for record in services.into_iter().chain(infrastructure.into_iter().rev()) {
        if !record.identity.is_alive() {
            continue;
        }
        println!("stopping {} (pid {}), left over from an earlier run", record.name, record.identity.pid);
        identity::signal(record.identity.pid, &record.stop).await?;
        let deadline = Instant::now() + GRACE;
        while record.identity.is_alive() {
            if Instant::now() >= deadline {
                identity::signal(record.identity.pid, "KILL").await?;
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}
