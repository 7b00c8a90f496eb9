//! The client of frontends and the example page that is made with it: built, tested and served.

use crate::{
    data::checkout,
    node::Node,
    processes::{Layer, Spec},
    services::{Kind, Settings},
};
use anyhow::Result;
use serde_json::{Map, json};
use std::path::{Path, PathBuf};

/// The name of the process that serves the page.
pub(crate) const NAME: &str = "frontend";
/// Where frontends usually are while they are developed.
pub(crate) const PORT: u16 = 3000;

/// `@sevenleague/client`.
pub fn client() -> PathBuf {
    checkout().join("web/client")
}

/// The example page.
pub fn page() -> PathBuf {
    checkout().join("examples/frontend")
}

/// The page, built.
pub struct Frontend {
    node: Node,
}

impl Frontend {
    /// Builds the client, then the page; `None` where there is no Node.js.
    pub async fn build(root: &Path) -> Result<Option<Self>> {
        let Some(node) = Node::ensure(root).await? else { return Ok(None) };
        for package in [client(), page()] {
            node.install(&package, root).await?;
            node.script(&package, &["build"], root).await?;
        }
        Ok(Some(Self { node }))
    }

    /// Serves it on an origin of its own, and tells it where the services are.
    pub(crate) fn spec(&self, settings: &Settings<'_>) -> Spec {
        let platform = settings.services.iter().filter(|service| service.kind == Kind::Platform);
        let urls: Map<_, _> =
            platform.map(|service| (service.name.clone(), json!(settings.url(&service.name)))).collect();
        let server = page().join("server.js").display().to_string();
        let mut spec = Spec::new(NAME, Layer::Service, self.node.program(), vec![server]);
        spec.env.insert("ORIGIN".into(), settings.frontend_url());
        spec.env.insert("SERVICES".into(), json!(urls).to_string());
        spec
    }
}
