//! The programs that a stack starts, built. The platform's services are links to one binary, as they are in its image.

use crate::{cargo, services};
use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// The package whose binary is each service of the platform, by the name it is called by.
const PLATFORM: &str = "platform";

/// Where each program lies, by name.
pub type Programs = BTreeMap<String, PathBuf>;

/// Builds these, services of the platform or packages with a binary of their name, by that profile of cargo.
pub async fn build(profile: &str, names: &[impl AsRef<str>]) -> Result<Programs> {
    let names = names.iter().map(AsRef::as_ref);
    let (services, mut packages): (Vec<&str>, Vec<&str>) = names.partition(|name| services::is_platform(name));
    packages.extend((!services.is_empty()).then_some(PLATFORM));
    let mut programs = cargo::build(profile, &packages).await?;
    for service in services {
        programs.insert(service.to_owned(), link(&programs[PLATFORM], service)?);
    }
    Ok(programs)
}

/// A link called `name` to the program, in a folder beside it.
fn link(program: &Path, name: &str) -> Result<PathBuf> {
    let folder = program.with_file_name("services");
    fs::create_dir_all(&folder)?;
    let (link, target) = (folder.join(name), Path::new("..").join(PLATFORM));
    if !fs::read_link(&link).is_ok_and(|linked| linked == target) {
        // Of a folder that was copied.
        let _ = fs::remove_file(&link);
        symlink(target, &link).with_context(|| format!("cannot link {name}"))?;
    }
    Ok(link)
}
