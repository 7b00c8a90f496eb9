//! The AWS emulator: how it gets on this machine, and is started.

use crate::{
    processes::{Layer, Spec},
    tools,
};
use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use tokio::process::Command;

/// The name of its process.
pub const NAME: &str = "ministack";
/// Pinned: what it emulates differs from version to version.
const VERSION: &str = "1.5.33";
pub const REGION: &str = "eu-central-1";
pub const ACCOUNT: &str = "000000000000";

/// The program, installed in a virtual environment that all stacks of this checkout share.
pub async fn install(root: &Path) -> Result<PathBuf> {
    let lock = fs::File::create(root.join("venv.lock"))?;
    // Two of us, in two terminals, would otherwise install over one another.
    let _lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;
    let venv = root.join(format!("venv-{VERSION}"));
    let complete = venv.join("complete");
    if !complete.exists() {
        println!("installing ministack {VERSION}");
        let log = root.join("pip.log");
        let _ = fs::remove_dir_all(&venv);
        let python = tools::python().context("Python is not installed")?;
        tools::run(Command::new(python).args(["-m", "venv"]).arg(&venv), &log).await?;
        let mut install = Command::new(venv.join("bin/pip"));
        install.args(["install", "--disable-pip-version-check", &format!("ministack=={VERSION}")]);
        tools::run(&mut install, &log).await?;
        fs::write(complete, VERSION)?;
    }
    Ok(venv.join("bin/ministack"))
}

pub fn spec(program: PathBuf, stack_folder: &Path, port: u16) -> Spec {
    let state = stack_folder.join("ministack").display().to_string();
    let env = [
        ("BIND_HOST", "127.0.0.1".to_owned()),
        ("GATEWAY_PORT", port.to_string()),
        ("MINISTACK_REGION", REGION.to_owned()),
        ("MINISTACK_ACCOUNT_ID", ACCOUNT.to_owned()),
        ("STATE_DIR", state),
    ];
    let env: BTreeMap<_, _> = env.map(|(name, value)| (name.to_owned(), value)).into();
    // It keeps nothing, and told to end it waits for seconds for long polls.
    Spec { env, stop: "KILL", ..Spec::new(NAME, Layer::Infrastructure, program, Vec::new()) }
}

/// What an AWS SDK needs to find it.
pub fn client_env(port: u16) -> BTreeMap<String, String> {
    let env = [
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ACCOUNT_ID", ACCOUNT.to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ];
    env.map(|(name, value)| (name.to_owned(), value)).into()
}
