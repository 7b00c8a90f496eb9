//! Which files does a bundle on disk have for these modules, and in which order? Base first, then modules, dependencies before dependants.

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
pub(super) struct Bundle {
    pub manifest: Manifest,
    folder: PathBuf,
    modules: Vec<String>,
}

/// The SQL of one file.
#[derive(Debug)]
pub(super) struct Script {
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
        let modules = in_order(&manifest, modules)?;
        Ok(Self { manifest, folder, modules })
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

/// The modules as ordered, each after those that it depends on.
fn in_order(manifest: &Manifest, wanted: &[String]) -> Result<Vec<String>, Fault> {
    let mut placed = Vec::new();
    for module in wanted {
        place(manifest, wanted, module, &mut Vec::new(), &mut placed)?;
    }
    Ok(placed)
}

fn place(
    manifest: &Manifest,
    wanted: &[String],
    name: &str,
    open: &mut Vec<String>,
    placed: &mut Vec<String>,
) -> Result<(), Fault> {
    if placed.iter().any(|done| done == name) {
        return Ok(());
    }
    let module = manifest
        .module(name)
        .ok_or_else(|| Fault::permanent(format!("{} has no module '{name}'", manifest.service)))?;
    if open.iter().any(|waiting| waiting == name) {
        return Err(Fault::permanent(format!("module '{name}' depends on itself")));
    }
    open.push(name.to_owned());
    for needed in &module.depends_on {
        if !wanted.contains(needed) {
            return Err(Fault::permanent(format!(
                "module '{name}' depends on '{needed}', which the instance does not have"
            )));
        }
        place(manifest, wanted, needed, open, placed)?;
    }
    open.pop();
    placed.push(name.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(modules: &[(&str, &[&str])]) -> Manifest {
        let modules: Vec<_> = modules
            .iter()
            .map(|(name, needs)| {
                format!("[[modules]]\nname = '{name}'\ntitle = ''\nprice_per_hour = '0'\ndepends_on = {needs:?}")
            })
            .collect();
        let head =
            "service = 'forum'\nversion = '1.0.0'\ntitle = ''\ncurrency = 'EUR'\nprice_per_hour = '0'\nsetup = {}\n";
        Manifest::parse(&format!("{head}{}", modules.join("\n"))).unwrap()
    }

    fn order(manifest: &Manifest, wanted: &[&str]) -> Result<Vec<String>, String> {
        let wanted: Vec<_> = wanted.iter().map(|name| (*name).to_owned()).collect();
        in_order(manifest, &wanted).map_err(|fault| fault.to_string())
    }

    #[test]
    fn modules_keep_the_payloads_order_with_dependencies_first() {
        let manifest = manifest(&[("a", &[]), ("b", &["c"]), ("c", &["a"]), ("d", &[])]);
        assert_eq!(order(&manifest, &["d", "b", "a", "c", "b"]).unwrap(), ["d", "a", "c", "b"]);
        assert_eq!(order(&manifest, &[]).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_ordered_says_why() {
        let manifest = manifest(&[("a", &["b"]), ("b", &["a"]), ("c", &["a"])]);
        assert_eq!(order(&manifest, &["x"]).unwrap_err(), "forum has no module 'x'");
        assert_eq!(
            order(&manifest, &["c"]).unwrap_err(),
            "module 'c' depends on 'a', which the instance does not have"
        );
        assert_eq!(order(&manifest, &["a", "b"]).unwrap_err(), "module 'a' depends on itself");
    }
}
