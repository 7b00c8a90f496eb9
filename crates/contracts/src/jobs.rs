//! The kinds of background work. A job's type is its payload; credentials are in none: the worker fetches those.
//!
//! How a job evolves: a new field of a payload has a default. Whatever else changes is a new version with a type of its
//! own; a worker that lacks its handler leaves the job to one that has it, and the handler of the old version goes when
//! no such job waits any more.

use crate::{
    contract::{Contract, PRODUCTS, Sample},
    id::JobId,
    object_key::{FileName, ObjectKey},
};
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

/// Of what the worker orders by itself.
const NOBODY: &[&str] = &[];

jobs! {
    MigrateInstance = "instance.migrate" version 1 by &["configurator"],
    SeedInstance = "instance.seed" version 1 by &["configurator"],
    RunCommand = "bundle.command" version 1 by PRODUCTS,
    TellFailure = "bundle.failure" version 1 by NOBODY,
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
    /// Objects that lie in the command's working folder when it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub objects: Vec<InputObject>,
}

impl RunCommand {
    /// Most objects of one command.
    pub const MOST_OBJECTS: usize = 8;
}

/// An object of the instance whose job it is, and what it is called in the working folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InputObject {
    /// Without the prefix of the instance, which the worker puts before it.
    #[schemars(with = "String", length(min = 1, max = 200))]
    pub key: ObjectKey,
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub name: FileName,
}

/// Tells an instance's product that a job of one of its commands has ended without success. The worker's database
/// orders it in the commit of that end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TellFailure {
    pub service: String,
    /// Version of the bundle on disk.
    pub bundle_version: String,
    pub command: String,
    /// The job that has ended.
    pub job_id: JobId,
    /// Why, for people.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{Message, RunJob};

    #[test]
    fn whoever_orders_a_job_may_publish_orders() {
        for service in ORDERED_BY.iter().copied().flatten() {
            assert!(RunJob::PUBLISHERS.contains(service), "{service}");
        }
    }
}
