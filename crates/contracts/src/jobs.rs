//! The kinds of background work. A job's type is its payload; credentials are in none: the worker fetches those.
//!
//! How a job evolves: a new field of a payload has a default. Whatever else changes is a new version with a type of its
//! own; a worker that lacks its handler leaves the job to one that has it, and the handler of the old version goes when
//! no such job waits any more.

use crate::contract::{Contract, PRODUCTS, Sample};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// Background work that the worker does; its fields are the payload.
pub trait Job: Serialize + DeserializeOwned + JsonSchema + Sample + Send + Sync + 'static {
    const KIND: &'static str;
    /// Counts from 1.
    const VERSION: u32;
    /// The services that may order it.
    const ORDERED_BY: &'static [&'static str];
}

/// What the schema of a job's payload is called.
pub fn schema_name(kind: &str, version: u64) -> String {
    format!("job.{kind}.v{version}")
}

macro_rules! jobs {
    ($($name:ident = $kind:literal version $version:literal by $ordered_by:expr),+ $(,)?) => {
        $(impl Job for $name {
            const KIND: &'static str = $kind;
            const VERSION: u32 = $version;
            const ORDERED_BY: &'static [&'static str] = $ordered_by;
        })+
        /// Every payload's.
        pub(crate) fn contracts() -> Vec<Contract> {
            vec![$(Contract::of::<$name>(schema_name($kind, $version))),+]
        }
        #[cfg(test)]
        const ORDERED_BY: &[&[&str]] = &[$($ordered_by),+];
    };
}

jobs! {
    MigrateInstance = "instance.migrate" version 1 by &["configurator"],
    SeedInstance = "instance.seed" version 1 by &["configurator"],
    RunCommand = "bundle.command" version 1 by PRODUCTS,
}

/// The part of a bundle that an instance has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BundlePart {
    pub service: String,
    /// Version of the bundle on disk.
    pub bundle_version: String,
    pub modules: Vec<String>,
}

/// Runs the migrations of a bundle, base first, then each module, and installs its meters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MigrateInstance {
    #[serde(flatten)]
    pub bundle: BundlePart,
}

/// Runs the seeds of a bundle with the tenant's settings, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeedInstance {
    #[serde(flatten)]
    pub bundle: BundlePart,
    /// What the setup form was filled in with; seeds read it.
    pub settings: Map<String, Value>,
}

/// Runs a command of a bundle for an instance, with `input` on its standard input. Only the bundle's own product may
/// order it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunCommand {
    pub service: String,
    /// Version of the bundle on disk.
    pub bundle_version: String,
    /// One that the bundle's manifest lists.
    pub command: String,
    #[serde(default)]
    pub input: Value,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{Message, RunJob};

    #[test]
    fn whoever_orders_a_job_may_publish_orders() {
        // Products can order nothing yet: the outbox of an instance carries usage only.
        for service in ORDERED_BY.iter().filter(|by| **by != PRODUCTS).copied().flatten() {
            assert!(RunJob::PUBLISHERS.contains(service), "{service}");
        }
    }
}
