//! A private copy of the platform on this machine: PostgreSQL, Redis and ministack of our own and, where wanted, the
//! services on top.
//!
//! For `cargo xtask` and the end-to-end tests. None of our crates is used: both must start within seconds, also when a
//! service does not compile.
#![allow(clippy::print_stdout, reason = "whoever started a command-line tool is told what it does")]

mod access;
pub mod cargo;
pub mod data;
mod databases;
mod files;
pub mod frontend;
pub mod gate;
mod identity;
mod link;
pub mod ministack;
pub mod node;
pub mod pair;
mod ports;
pub mod postgres;
pub mod processes;
pub mod products;
pub mod programs;
pub mod redis;
mod secrets;
pub mod services;
mod start;
pub mod state;
pub mod tools;

pub use access::Access;
pub use ports::Preference;

use anyhow::{Result, bail};
use data::Folder;
use gate::Gate;
use pair::Pair;
use ports::Ports;
use postgres::Postgres;
use processes::{Processes, Spec};
use redis::Redis;
use secrets::Secrets;
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};
use tokio::signal::unix::{SignalKind, signal};
use tools::Need;

/// What a shell reports for a program ended by Ctrl-C.
pub const INTERRUPTED: u8 = 130;
/// The name of the folder that `up` keeps.
pub const UP: &str = "up";
const INFRASTRUCTURE_START: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// How one stack differs from another.
pub struct Options {
    /// Name of its folder.
    pub name: String,
    pub ports: Preference,
    /// Data survive a crash, and are kept when the stack stops.
    pub durable: bool,
    /// How long an access token of the services is valid.
    pub access_token_seconds: u32,
    /// Redis is a primary and a replica, and a revocation waits for both.
    pub redis_pair: bool,
    /// Each service reaches AWS, and the workers configurator, through a gate of its own ([`Stack::gates`]).
    pub gated: bool,
    /// The example page is served as well, where there is Node.js.
    pub frontend: bool,
    pub needs: Vec<Need>,
}

impl Options {
    /// A stack that leaves nothing behind and can run beside any other.
    pub fn private(purpose: &str, needs: &[Need]) -> Self {
        let name = format!("{purpose}-{}", std::process::id());
        Self {
            name,
            ports: Preference::Private,
            durable: false,
            access_token_seconds: 600,
            redis_pair: false,
            gated: false,
            frontend: false,
            needs: needs.to_vec(),
        }
    }
}

pub struct Stack {
    options: Options,
    /// What all stacks of this checkout share.
    root: PathBuf,
    folder: Folder,
    ports: Ports,
    secrets: Secrets,
    pub processes: Processes,
    /// The two Redis, where the options ask for a pair.
    pub pair: Option<Pair>,
    /// By [`gate::name`], where the options ask for them.
    pub gates: BTreeMap<String, Gate>,
    http: reqwest::Client,
    /// Make topics, queues and the sender of mail.
    provision: Vec<Spec>,
}

/// Where the infrastructure listens.
pub struct Infra {
    pub postgres: Postgres,
    pub redis: Redis,
    /// `AWS_…` variables.
    pub aws: BTreeMap<String, String>,
}

/// Gives `work` a stack, and stops what it started when it is done, fails, or somebody presses Ctrl-C (`None`).
pub async fn with<T>(
    data: Option<PathBuf>,
    options: Options,
    work: impl AsyncFnOnce(&mut Stack) -> Result<T>,
) -> Result<Option<T>> {
    let mut stack = Stack::open(data, options).await?;
    let outcome = tokio::select! {
        outcome = work(&mut stack) => outcome.map(Some),
        interrupted = interrupted() => interrupted.map(|()| None),
    };
    let stopped = stack.stop().await;
    // What failed first is told first.
    let outcome = outcome?;
    stopped?;
    Ok(outcome)
}

async fn interrupted() -> Result<()> {
    let (mut interrupt, mut terminate, mut hang_up) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

impl Stack {
    async fn open(data: Option<PathBuf>, options: Options) -> Result<Self> {
        let root = data::root(data)?;
        for abandoned in
            Folder::abandoned(&root, &without_number(&options.name))?.into_iter().filter(|_| !options.durable)
        {
            processes::stop_leftovers(&abandoned.path).await?;
            abandoned.wipe()?;
        }
        let folder = Folder::open(&root, &options.name)?;
        processes::stop_leftovers(&folder.path).await?;
        // What a killed one said of itself is true no more.
        let _ = fs::remove_file(state::file(&folder.path));
        tools::ensure_installed(&options.needs, &root.join("apt.log")).await?;
        let (ports, secrets) = (Ports::open(&folder.path, options.ports)?, Secrets::open(&folder.path)?);
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        Ok(Self {
            processes: Processes::new(&folder.path),
            pair: None,
            gates: BTreeMap::new(),
            options,
            root,
            folder,
            ports,
            secrets,
            http,
            provision: Vec::new(),
        })
    }

    /// Starts PostgreSQL, Redis and ministack.
    pub async fn infra(&mut self) -> Result<Infra> {
        let aws_port = self.ports.pick("ministack", 4566)?;
        let ministack = ministack::install(&self.root).await?;
        self.processes.start(ministack::spec(ministack, &self.folder.path, aws_port))?;
        let postgres = self.postgres().await?;
        let redis = self.redis().await?;
        let health = format!("http://127.0.0.1:{aws_port}/_ministack/health");
        self.wait_for(ministack::NAME, INFRASTRUCTURE_START, async |http| answers(http, &health).await).await?;
        Ok(Infra { postgres, redis, aws: ministack::client_env(aws_port) })
    }

    async fn redis(&mut self) -> Result<Redis> {
        let redis =
            Redis::new(&self.folder.path, self.ports.pick("redis", 6379)?, &mut self.secrets, self.options.durable)?;
        let name = if self.options.redis_pair {
            let ports = [self.ports.pick(pair::NAMES[0], 6380)?, self.ports.pick(pair::NAMES[1], 6381)?];
            let pair = self.pair.insert(Pair::open(redis.clone(), ports).await?);
            self.processes.start(pair.primary_spec()?)?;
            self.processes.start(pair.replica_spec()?)?;
            pair::NAMES[0]
        } else {
            self.processes.start(redis.spec("redis", redis.port, None)?)?;
            "redis"
        };
        self.wait_for(name, INFRASTRUCTURE_START, async |_| redis.ask(redis.port, "PING").await.map(drop)).await?;
        Ok(redis)
    }

    /// Starts PostgreSQL alone.
    pub async fn postgres(&mut self) -> Result<Postgres> {
        let postgres = Postgres::new(
            &self.folder.path,
            self.ports.pick("postgres", 5432)?,
            self.secrets.password("postgres")?,
            self.options.durable,
        )?;
        postgres.init().await?;
        self.processes.start(postgres.spec())?;
        self.wait_for(postgres::NAME, INFRASTRUCTURE_START, async |_| {
            if postgres.is_ready().await { Ok(()) } else { bail!("it answers no query") }
        })
        .await?;
        Ok(postgres)
    }

    /// An empty folder that lives as long as the stack does.
    pub fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.path.join("scratch").join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Waits until the probe succeeds; an error if any process ends meanwhile, or after the deadline.
    async fn wait_for(
        &mut self,
        name: &str,
        limit: Duration,
        probe: impl AsyncFn(&reqwest::Client) -> Result<()>,
    ) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            self.processes.check()?;
            let Err(error) = probe(&self.http).await else { return Ok(()) };
            if Instant::now() >= deadline {
                let what = format!("was not ready after {} s: {error:#}", limit.as_secs());
                return Err(self.processes.complaint(name, &what));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn stop(mut self) -> Result<()> {
        self.processes.stop().await?;
        let _ = fs::remove_file(state::file(&self.folder.path));
        if self.options.durable {
            println!("its logs: {}", self.folder.logs().display());
            return Ok(());
        }
        // Whoever wants to know why something failed asks when all has stopped. One run a purpose is kept.
        let kept = self.root.join("logs").join(without_number(&self.options.name).trim_end_matches('-'));
        self.folder.keep_logs(&kept)?;
        println!("its logs: {}", kept.display());
        self.folder.wipe()
    }
}

fn without_number(name: &str) -> String {
    name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()
}

/// An error, with what was answered, unless the answer is a success.
async fn answers(http: &reqwest::Client, url: &str) -> Result<()> {
    let response = http.get(url).send().await?;
    let status = response.status();
    if status.is_success() { Ok(()) } else { bail!("{url} answers {status}: {}", response.text().await?) }
}
