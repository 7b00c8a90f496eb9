//! Programs of this machine: which does it lack, and who installs them?

use crate::{data::is_root, files};
use anyhow::{Context, Result, bail, ensure};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::Command;

/// Something that must be on the machine, and the Debian packages that bring it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Postgres,
    Redis,
    Python,
    Browser,
    /// Readers of XML and PDF.
    Documents,
    /// Generators of load.
    Load,
}

impl Need {
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["postgresql"],
            Self::Redis => &["redis-server"],
            Self::Python => &["python3", "python3-venv"],
            Self::Browser => &["chromium", "chromium-driver"],
            Self::Documents => &["libxml2-utils", "poppler-utils"],
            Self::Load => &["wrk", "nghttp2-client"],
        }
    }

    fn is_met(self) -> bool {
        match self {
            Self::Postgres => !postgres_folders().is_empty(),
            Self::Redis => find("redis-server").is_some(),
            Self::Python => python().is_some(),
            Self::Documents => ["xmllint", "pdftotext"].iter().all(|name| find(name).is_some()),
            Self::Load => ["wrk", "h2load"].iter().all(|name| find(name).is_some()),
            Self::Browser => {
                chromedriver().is_some()
                    && ["chromium", "google-chrome", "chromium-browser"].iter().any(|name| find(name).is_some())
            }
        }
    }
}

/// Installs what is missing as root; tells anybody else what to install.
pub async fn ensure_installed(needs: &[Need], log: &Path) -> Result<()> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    if !is_root() || find("apt-get").is_none() {
        bail!(
            "this machine lacks {missing:?}. Install it as root:\n\n    apt-get update && apt-get install \
             --no-install-recommends {}\n\n\
             or use Docker instead: docker compose up --wait",
            packages(&missing)
        );
    }
    println!("installing {} (log: {})", packages(&missing), log.display());
    let names: Vec<_> = missing.iter().flat_map(|need| need.packages()).copied().collect();
    apt_install(&names, log).await?;
    let missing = self::missing(needs);
    ensure!(missing.is_empty(), "installed {} and still do not find {missing:?}", packages(&missing));
    Ok(())
}

fn missing(needs: &[Need]) -> Vec<Need> {
    needs.iter().copied().filter(|need| !need.is_met()).collect()
}

fn packages(needs: &[Need]) -> String {
    needs.iter().flat_map(|need| need.packages()).copied().collect::<Vec<_>>().join(" ")
}

/// Installs packages of Debian.
pub(crate) async fn apt_install(names: &[&str], log: &Path) -> Result<()> {
    let install: Vec<_> = ["install", "--yes", "--no-install-recommends"].iter().chain(names).copied().collect();
    // A fresh image has no package lists; stale ones name files that are gone.
    let lists = fs::read_dir("/var/lib/apt/lists")
        .is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| entry.path().is_file())));
    if lists && apt(&install, log).await.is_ok() {
        return Ok(());
    }
    apt(&["update"], log).await?;
    apt(&install, log).await
}

async fn apt(args: &[&str], log: &Path) -> Result<()> {
    let mut command = Command::new("apt-get");
    // Unattended upgrades may hold the lock right after boot.
    command.args(["-o", "DPkg::Lock::Timeout=300"]).args(args).env("DEBIAN_FRONTEND", "noninteractive");
    run(&mut command, log).await
}

/// What PostgreSQL answers to a script at that URL, in plain text.
pub async fn psql(url: &str, script: &str) -> Result<String> {
    let program = postgres_folders().first().context("PostgreSQL is not installed")?.join("psql");
    let mut command = Command::new(program);
    command.args([
        "--no-psqlrc",
        "--quiet",
        "--tuples-only",
        "--no-align",
        "--set=ON_ERROR_STOP=1",
        "--command",
        script,
    ]);
    let output = command.arg(url).stdin(Stdio::null()).kill_on_drop(true).output().await.context("cannot run psql")?;
    ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a command to its end, with its output in a log, the end of which is told unless it succeeds.
pub(crate) async fn run(command: &mut Command, log: &Path) -> Result<()> {
    let output = fs::OpenOptions::new().create(true).append(true).open(log)?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).kill_on_drop(true);
    let status = command.status().await.with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} failed ({status}):\n{}", files::tail(log, 15));
    Ok(())
}

/// A program on the PATH, or where Debian keeps those for root.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/bin".into(), "/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// The folders with PostgreSQL's server programs, newest first.
pub fn postgres_folders() -> Vec<PathBuf> {
    let version = |folder: &Path| folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut versions: Vec<_> = installed
        .filter_map(|folder| Some((version(&folder)?, folder.join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let on_path = find("initdb").and_then(|initdb| Some(initdb.canonicalize().ok()?.parent()?.to_path_buf()));
    versions.into_iter().map(|(_, bin)| bin).chain(on_path).collect()
}

/// A Python that can make virtual environments; the distribution's own first, since version managers put shims on the
/// PATH.
pub fn python() -> Option<PathBuf> {
    let can_make_environments = |python: &PathBuf| {
        let mut probe = std::process::Command::new(python);
        probe
            .args(["-c", "import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    };
    [Some(PathBuf::from("/usr/bin/python3")), find("python3")]
        .into_iter()
        .flatten()
        .filter(|python| python.exists())
        .find(can_make_environments)
}

pub fn chromedriver() -> Option<PathBuf> {
    env::var_os("CHROMEDRIVER").map(PathBuf::from).filter(|file| file.is_file()).or_else(|| find("chromedriver"))
}
