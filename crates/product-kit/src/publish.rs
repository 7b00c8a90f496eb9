//! Publishing a version: its manifest goes to the configurator, under the product's own credentials.

use access::client::PlatformClient;
use anyhow::Context;
use contracts::{http::instances::Publication, manifest::Manifest};
use secrecy::SecretString;
use std::path::PathBuf;

common::settings! {
    /// What publishing needs to know.
    pub struct Config(service: &'static str) {
        /// Base URL of auth.
        pub auth_url: String = url("AUTH_URL"),
        /// Base URL of the configurator, which takes the manifest.
        pub configurator_url: String = url("CONFIGURATOR_URL"),
        /// The product's client, by default the name of its service.
        pub client_id: String = or("CLIENT_ID", service),
        /// That client's secret.
        pub client_secret: SecretString = secret("CLIENT_SECRET"),
        /// The folder with `manifest.toml`.
        pub bundle_dir: PathBuf = required("BUNDLE_DIR"),
    }
}

/// Publishes the manifest in the bundle; publishing the same again changes nothing.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let path = config.bundle_dir.join("manifest.toml");
    let text = tokio::fs::read_to_string(&path).await.with_context(|| format!("reading {}", path.display()))?;
    let manifest = Manifest::parse(&text).with_context(|| format!("{} is not a manifest", path.display()))?;
    let faults = manifest.faults();
    anyhow::ensure!(faults.is_empty(), "{}: {}", path.display(), faults.join("; "));
    let client = PlatformClient::with_credentials(&config.auth_url, &config.client_id, config.client_secret);
    let url = format!("{}/internal/services/{}", config.configurator_url, manifest.service);
    let _: serde_json::Value =
        client.put(&url, &Publication { manifest }).await.context("the configurator did not take the manifest")?;
    Ok(())
}
