//! Node.js with npm: that of this machine if it is new enough, else one that is installed.

use crate::{
    data::is_root,
    tools::{self, find},
};
use anyhow::{Context, Result};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::Command;

/// What npm is asked for where Debian's own is older.
const INSTALLED: u32 = 22;
/// The packages of Debian.
const PACKAGES: [&str; 2] = ["nodejs", "npm"];

pub struct Node {
    /// Where `node` is.
    folder: PathBuf,
}

impl Node {
    /// Installs it if it is missing and we are root: Debian's if that is new enough, else npm's package of it. `None`
    /// for anybody else who lacks it.
    pub async fn ensure(root: &Path) -> Result<Option<Self>> {
        if let Some(node) = Self::installed(root).await {
            return Ok(Some(node));
        }
        if !is_root() || find("apt-get").is_none() {
            return Ok(None);
        }
        println!("installing Node.js (log: {})", log(root).display());
        if find("node").is_none() || find("npm").is_none() {
            tools::apt_install(&PACKAGES, &root.join("apt.log")).await?;
        }
        if let Some(node) = Self::installed(root).await {
            return Ok(Some(node));
        }
        let package = format!("{}@{INSTALLED}", package());
        let mut npm = Command::new(find("npm").context("there is no npm")?);
        npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"]).arg(root.join("node")).arg(package);
        fs::create_dir_all(root.join("node"))?;
        tools::run(&mut npm, &log(root)).await?;
        Self::installed(root).await.map(Some).context("installed Node.js, and still do not find it")
    }

    /// What to do where [`Self::ensure`] gives none.
    pub fn advice() -> &'static str {
        "this machine lacks Node.js 20.19, or 22.12 and newer, with npm; install it, or run this as root"
    }

    async fn installed(root: &Path) -> Option<Self> {
        find("npm")?;
        let own = root.join("node/node_modules").join(package()).join("bin");
        let candidates = find("node").and_then(|node| Some(node.parent()?.to_path_buf())).into_iter().chain([own]);
        for folder in candidates {
            if version(&folder.join("node")).await.is_some_and(is_new_enough) {
                return Some(Self { folder });
            }
        }
        None
    }

    pub fn program(&self) -> PathBuf {
        self.folder.join("node")
    }

    /// npm, whose scripts find this Node.js first.
    pub fn npm(&self, folder: &Path, args: &[&str]) -> Command {
        let path = env::var_os("PATH").unwrap_or_default();
        let paths = env::join_paths([self.folder.clone()].into_iter().chain(env::split_paths(&path)));
        let mut command = Command::new(find("npm").unwrap_or_else(|| "npm".into()));
        command.current_dir(folder).args(args).env("PATH", paths.unwrap_or(path));
        command
    }

    /// Installs what a package's lock file names, unless it is there.
    pub async fn install(&self, package: &Path, root: &Path) -> Result<()> {
        let (wanted, done) = (package.join("package-lock.json"), package.join("node_modules/.installed"));
        let lock = fs::read(&wanted).with_context(|| format!("cannot read {}", wanted.display()))?;
        if fs::read(&done).is_ok_and(|installed| installed == lock) {
            return Ok(());
        }
        println!("installing the packages of {} (log: {})", package.display(), log(root).display());
        tools::run(&mut self.npm(package, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"]), &log(root)).await?;
        Ok(fs::write(done, lock)?)
    }

    /// Runs a script of a package, with its output in a log.
    pub async fn script(&self, package: &Path, script: &[&str], root: &Path) -> Result<()> {
        tools::run(self.npm(package, &["run", "--silent"]).args(script), &log(root)).await
    }
}

pub fn log(root: &Path) -> PathBuf {
    root.join("npm.log")
}

/// npm's package of the program alone.
fn package() -> String {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    format!("node-linux-{architecture}")
}

/// What a program says of itself: `v20.20.2`.
async fn version(program: &Path) -> Option<(u32, u32)> {
    let mut command = Command::new(program);
    let output = command.arg("--version").stdin(Stdio::null()).kill_on_drop(true).output().await.ok()?;
    parse(&String::from_utf8(output.stdout).ok()?)
}

fn parse(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim().strip_prefix('v')?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Whether the tools of the packages run on it; the linter's ask for most.
fn is_new_enough(version: (u32, u32)) -> bool {
    version >= (22, 12) || (version.0 == 20 && version.1 >= 19)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let new_enough = |version| parse(version).is_some_and(is_new_enough);
        for version in ["v20.20.2\n", "v20.19.0", "v22.12.0", "v24.1.0", "v100.0.0"] {
            assert!(new_enough(version), "{version}");
        }
        for version in ["v20.18.9", "v18.20.4", "v21.7.3", "v22.11.0", "20", ""] {
            assert!(!new_enough(version), "{version}");
        }
    }
}
