//! The products of this checkout: packages that say in their `Cargo.toml` how they are started, with their bundles
//! beside it.
//!
//! ```toml
//! [package.metadata.product]
//! port = 8010            # its worker has the next one; that of an ops listener is 1000 higher
//! objects = true         # its instances have objects in S3, in a bucket of its own
//! env = { NAME = "…" }   # settings of its own that have no default
//! ```

use crate::{cargo, data};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::{collections::BTreeMap, fs, path::PathBuf};

#[derive(Debug)]
pub struct Product {
    /// The name of its package, its binary, its client and its service.
    pub name: String,
    /// Where its `Cargo.toml` is.
    pub folder: PathBuf,
    pub start: Start,
}

/// How a product is started.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    pub port: u16,
    #[serde(default)]
    pub objects: bool,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Workspace {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    product: Option<Start>,
}

impl Product {
    /// Holds a folder a version: `<service>/<version>`.
    pub fn bundles(&self) -> PathBuf {
        self.folder.join("bundles")
    }

    /// The folder of its newest version.
    pub fn newest_bundle(&self) -> Result<PathBuf> {
        let folder = self.bundles().join(&self.name);
        let versions = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let versions = versions.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let newest = versions.max_by_key(|version| numbers(version));
        Ok(folder.join(newest.with_context(|| format!("{} has no version", folder.display()))?))
    }
}

/// Every product, by port.
pub fn all() -> Result<Vec<Product>> {
    let mut command = std::process::Command::new(cargo::program());
    command.current_dir(data::checkout()).args(["metadata", "--no-deps", "--format-version=1"]);
    let output = command.output().context("cannot run cargo")?;
    ensure!(output.status.success(), "cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
    of(&output.stdout)
}

fn of(metadata: &[u8]) -> Result<Vec<Product>> {
    let workspace: Workspace = serde_json::from_slice(metadata).context("a product is declared wrongly")?;
    let declared = workspace.packages.into_iter().filter_map(|Package { name, manifest_path, metadata }| {
        Some(Product { name, folder: manifest_path.parent()?.to_owned(), start: metadata?.product? })
    });
    let mut products: Vec<_> = declared.collect();
    products.sort_by_key(|product| product.start.port);
    Ok(products)
}

/// `1.10.0` is newer than `1.9.0`.
fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|number| number.parse().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_a_product_if_it_says_so() {
        let metadata = br#"{"packages": [
            {"name": "auth", "manifest_path": "/a/services/auth/Cargo.toml", "metadata": null},
            {"name": "wiki", "manifest_path": "/a/examples/wiki/Cargo.toml",
             "metadata": {"product": {"port": 8020, "env": {"A": "b"}}}},
            {"name": "forum", "manifest_path": "/a/examples/forum/Cargo.toml", "metadata": {"product": {"port": 8010}}}
        ]}"#;
        let products = of(metadata).unwrap();
        let names: Vec<_> = products.iter().map(|product| (&*product.name, product.start.port)).collect();
        assert_eq!(names, [("forum", 8010), ("wiki", 8020)]);
        assert_eq!((products[1].bundles(), &*products[1].start.env["A"]), ("/a/examples/wiki/bundles".into(), "b"));
        assert!(
            of(br#"{"packages": [{"name": "x", "manifest_path": "/x", "metadata": {"product": {"prot": 1}}}]}"#)
                .is_err()
        );
    }

    #[test]
    fn versions_are_numbers() {
        assert!(numbers("1.10.0") > numbers("1.9.3"));
    }

    /// What the stack starts and the tests check depends on it.
    #[test]
    fn every_product_of_this_checkout_has_a_bundle() {
        for product in all().unwrap() {
            assert!(product.newest_bundle().unwrap().join("manifest.toml").is_file(), "{product:?}");
        }
    }
}
