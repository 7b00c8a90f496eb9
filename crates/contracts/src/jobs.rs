//! Which background work exists, and what does it need? Payloads carry no credentials: the worker fetches those.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Runs the migrations of a bundle, base first, then each module, and installs its meters.
pub const MIGRATE_INSTANCE: &str = "instance.migrate";
/// Runs the seeds of a bundle with the tenant's settings, once.
pub const SEED_INSTANCE: &str = "instance.seed";

/// Payload of [`MIGRATE_INSTANCE`] and [`SEED_INSTANCE`], version 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstancePayload {
    pub service: String,
    /// Version of the bundle on disk.
    pub bundle_version: String,
    pub modules: Vec<String>,
    /// What the setup form was filled in with; seeds read it.
    pub settings: Map<String, Value>,
}
