//! What the worker's handlers, consumer and dispatcher work with.

use crate::{abilities::Abilities, config::Settings, handlers::Handler};
use messaging::Console;
use objects::{Bucket, bucket::Unusable};
use service_kit::Kit;
use std::sync::Arc;

#[derive(Clone)]
pub struct App {
    pub kit: Kit,
    pub settings: Arc<Settings>,
    /// The queues of the whole platform.
    pub console: Console,
    pub handlers: &'static [Handler],
    /// Where the objects of its product's instances lie.
    pub bucket: Option<Bucket>,
    /// What it can do.
    pub abilities: Arc<Abilities>,
    /// Tells this worker from every other one, in the table of jobs: `<host>:<process>:<unique for ever>`, for whoever
    /// must find the process.
    pub worker: Arc<str>,
}

service_kit::state!(App);

impl App {
    /// With how each kind of job is done.
    pub fn new(kit: Kit, settings: Settings, handlers: &'static [Handler], console: Console) -> Self {
        let known = handlers.iter().map(Handler::does).collect();
        Self {
            worker: format!("{}:{}:{}", host_name(), std::process::id(), kit.ambient.uuid()).into(),
            kit,
            console,
            abilities: Arc::new(Abilities::new(known, settings.bundles_dir.clone())),
            settings: Arc::new(settings),
            handlers,
            bucket: None,
        }
    }

    /// With the bucket that its settings name.
    pub async fn with_bucket(self) -> Result<Self, Unusable> {
        let bucket = match &self.settings.objects_bucket {
            Some(name) => Some(Bucket::from_env(name, self.kit.ambient.clone()).await?),
            None => None,
        };
        Ok(Self { bucket, ..self })
    }
}

/// The container's id on ECS (hostname(7)).
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}
