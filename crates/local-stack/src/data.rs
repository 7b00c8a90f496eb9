//! Folders of the private copies: where they keep their data, and who is using it.

use crate::secrets::sha256;
use anyhow::{Context, Result, bail, ensure};
use std::{
    env, fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The folder that has the workspace's Cargo.lock.
pub fn checkout() -> PathBuf {
    let package =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let checkout = package.ancestors().find(|folder| folder.join("Cargo.lock").exists());
    checkout.unwrap_or(&package).to_path_buf()
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The folder below which every stack of this checkout has its own.
pub fn root(chosen: Option<PathBuf>) -> Result<PathBuf> {
    let root = match chosen {
        Some(folder) => std::path::absolute(folder)?,
        None => default_root(&checkout()),
    };
    fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
    // A name that can be guessed in a folder that everybody may write to: it must not be somebody else's.
    let meta = fs::symlink_metadata(&root)?;
    ensure!(
        meta.is_dir() && meta.uid() == fs::metadata("/proc/self")?.uid(),
        "{} exists and is not ours",
        root.display()
    );
    ensure!(
        !is_root() || everybody_may_enter(&root),
        "PostgreSQL runs as another user, who cannot enter {}; choose another folder with --data",
        root.display()
    );
    Ok(root)
}

fn default_root(checkout: &Path) -> PathBuf {
    if is_root() && !everybody_may_enter(checkout) {
        // The same for ever, which the standard library's hasher does not promise.
        return PathBuf::from(format!("/var/tmp/sevenleague-{:.16}", sha256(&checkout.to_string_lossy())));
    }
    checkout.join(".data")
}

fn everybody_may_enter(folder: &Path) -> bool {
    folder.ancestors().all(|folder| fs::metadata(folder).is_ok_and(|meta| meta.mode() & 0o001 != 0))
}

/// One stack's folder, locked as long as this value lives: also a `kill -9` lets go of it.
pub struct Folder {
    pub path: PathBuf,
    _lock: fs::File,
}

const LOCK: &str = "lock";
const LOGS: &str = "logs";

impl Folder {
    pub fn open(root: &Path, name: &str) -> Result<Self> {
        let path = root.join(name);
        fs::create_dir_all(path.join(LOGS)).with_context(|| format!("cannot create {}", path.display()))?;
        let lock = fs::File::create(path.join(LOCK))?;
        if lock.try_lock().is_err() {
            bail!("{} is in use by a running stack; stop that first (Ctrl-C where it runs)", path.display());
        }
        Ok(Self { path, _lock: lock })
    }

    pub fn logs(&self) -> PathBuf {
        self.path.join(LOGS)
    }

    /// Moves the logs to a folder that outlives this one, in the place of those of the run before.
    pub fn keep_logs(&self, kept: &Path) -> Result<()> {
        let moved = || {
            if kept.exists() {
                fs::remove_dir_all(kept)?;
            }
            fs::create_dir_all(kept)?;
            fs::rename(self.logs(), kept)
        };
        moved().with_context(|| format!("cannot keep the logs in {}", kept.display()))
    }

    /// Deletes the folder.
    pub fn wipe(self) -> Result<()> {
        fs::remove_dir_all(&self.path).with_context(|| format!("cannot delete {}", self.path.display()))
    }

    /// The folders below `root` that nobody uses and that hold a stack whose name starts with `prefix`.
    pub fn abandoned(root: &Path, prefix: &str) -> Result<Vec<Self>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(prefix) && entry.path().join(LOCK).exists() {
                found.extend(Self::open(root, &name).ok());
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_user_at_a_time() {
        let root = env::temp_dir().join(format!("xtask-data-{}", std::process::id()));
        let first = Folder::open(&root, "up").unwrap();
        assert!(Folder::open(&root, "up").is_err());
        assert!(Folder::abandoned(&root, "up").unwrap().is_empty());
        drop(first);
        assert_eq!(Folder::abandoned(&root, "up").unwrap().len(), 1);
        Folder::open(&root, "up").unwrap().wipe().unwrap();
        fs::remove_dir(&root).unwrap();
    }

    #[test]
    fn logs_outlive_their_folder_until_the_next_ones_come() {
        let root = env::temp_dir().join(format!("xtask-logs-{}", std::process::id()));
        let kept = root.join("logs").join("tour");
        for said in ["first", "second"] {
            let folder = Folder::open(&root, "tour-1").unwrap();
            fs::write(folder.path.join(LOGS).join(format!("{said}.log")), said).unwrap();
            folder.keep_logs(&kept).unwrap();
            folder.wipe().unwrap();
        }
        let names: Vec<_> = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["second.log"]);
        fs::remove_dir_all(&root).unwrap();
    }
}
