//! Bundles on disk: which files does one have for these modules, and in which order? Base first, then modules,
//! dependencies before dependants.

use super::order;
use crate::handlers::Fault;
use contracts::{jobs::BundlePart, manifest::Manifest};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};
use tokio::fs;

/// Largest file of SQL that is run, in bytes; data come by other ways.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;
/// Most files that one folder may have.
const MOST_FILES: usize = 10_000;

/// A version of a service on disk, its manifest checked, with the modules that an instance has.
pub(crate) struct Bundle {
    pub manifest: Manifest,
    folder: PathBuf,
    modules: Vec<String>,
}

/// The SQL of one file.
#[derive(Debug)]
pub(crate) struct Script {
    /// Its name in the ledger: `base/0001_posts.sql`, `polls/0001_polls.sql`.
    pub name: String,
    pub sql: String,
}

impl Bundle {
    pub async fn open(bundles: &Path, part: &BundlePart) -> Result<Self, Fault> {
        order::check(part)?;
        let BundlePart { service, bundle_version, modules } = part;
        let folder = bundles.join(service).join(bundle_version);
        let text = fs::read_to_string(folder.join("manifest.toml")).await.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Fault::away(format!("this worker has no bundle {service} {bundle_version}")),
            _ => Fault::transient(format!("the manifest of {service} {bundle_version} cannot be read: {error}")),
        })?;
        let manifest = Manifest::parse(&text).map_err(|fault| {
            Fault::permanent(format!("the manifest of {service} {bundle_version} is malformed: {fault}"))
        })?;
        if let Some(fault) = manifest.faults().into_iter().next() {
            return Err(Fault::permanent(format!("the manifest of {service} {bundle_version} is not sound: {fault}")));
        }
        if (&manifest.service, &manifest.version) != (service, bundle_version) {
            return Err(Fault::permanent(format!(
                "the folder of {service} {bundle_version} holds {} {}",
                manifest.service, manifest.version
            )));
        }
        let modules = manifest.modules_in_order(modules).map_err(|disorder| Fault::permanent(disorder.to_string()))?;
        Ok(Self { manifest, folder, modules })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the instance has every module there is.
    pub fn is_whole(&self) -> bool {
        self.manifest.modules.iter().all(|module| self.modules.contains(&module.name))
    }

    /// Every file of the folders called `kind` (`migrations`, `seeds`), in the order in which they are run.
    pub async fn scripts(&self, kind: &str) -> Result<Vec<Script>, Fault> {
        let mut scripts = scripts_in(&self.folder.join(kind), "base").await?;
        for module in &self.modules {
            scripts.extend(scripts_in(&self.folder.join("modules").join(module).join(kind), module).await?);
        }
        Ok(scripts)
    }
}

/// The `.sql` files of a folder by name; a folder that is not there has none.
async fn scripts_in(folder: &Path, part: &str) -> Result<Vec<Script>, Fault> {
    let unreadable = |error: std::io::Error| Fault::transient(format!("the files of {part} cannot be read: {error}"));
    let mut entries = match fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut paths = Vec::new();
    while let Some(entry) = entries.next_entry().await.map_err(unreadable)? {
        if entry.path().extension().is_some_and(|extension| extension == "sql") {
            paths.push(entry.path());
        }
    }
    if paths.len() > MOST_FILES {
        return Err(Fault::permanent(format!("{part} has more than {MOST_FILES} files")));
    }
    paths.sort();
    let mut scripts = Vec::with_capacity(paths.len());
    for path in paths {
        let name = format!("{part}/{}", path.file_name().unwrap_or_default().to_string_lossy());
        if fs::metadata(&path).await.map_err(unreadable)?.len() > LARGEST_FILE {
            return Err(Fault::permanent(format!("{name} is larger than {LARGEST_FILE} bytes")));
        }
        let sql = fs::read_to_string(&path).await.map_err(|error| match error.kind() {
            ErrorKind::InvalidData => Fault::permanent(format!("{name} is not UTF-8")),
            _ => unreadable(error),
        })?;
        scripts.push(Script { name, sql });
    }
    Ok(scripts)
}
