//! How does the platform learn of a version of the product? Its manifest goes to the configurator, under the product's own credentials.

use access::client::PlatformClient;
use anyhow::Context;
use common::config::{self, Env};
use contracts::manifest::Manifest;
use secrecy::SecretString;
use serde::Serialize;
use std::path::PathBuf;

/// What publishing needs to know.
pub struct Config {
    pub auth_url: String,
    pub configurator_url: String,
    pub client_id: String,
    pub client_secret: SecretString,
    /// The folder with `manifest.toml`.
    pub bundle_dir: PathBuf,
}

impl Config {
    /// Reads `CLIENT_ID` (by default the name of the service), `CLIENT_SECRET`, `AUTH_URL`, `CONFIGURATOR_URL` and `BUNDLE_DIR`.
    pub fn read(env: &mut Env, service: &str) -> Option<Self> {
        let auth_url = config::url(env, "AUTH_URL");
        let configurator_url = config::url(env, "CONFIGURATOR_URL");
        let client_id = env.or("CLIENT_ID", service.to_owned());
        let client_secret = env.secret("CLIENT_SECRET");
        let bundle_dir = env.required("BUNDLE_DIR");
        Some(Self {
            auth_url: auth_url?,
            configurator_url: configurator_url?,
            client_id: client_id?,
            client_secret: client_secret?,
            bundle_dir: bundle_dir?,
        })
    }
}

#[derive(Serialize)]
struct Publication<'a> {
    manifest: &'a Manifest,
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
    let _: serde_json::Value = client
        .put(&url, &Publication { manifest: &manifest })
        .await
        .context("the configurator did not take the manifest")?;
    Ok(())
}
