//! What is each message's JSON Schema? The committed files under `openapi/events/` are made of this.

use crate::{envelope::Envelope, jobs::InstancePayload, messages};

/// File name and pretty-printed JSON Schema (2020-12) of the envelope, every message and every job payload.
pub fn all() -> Result<Vec<(String, String)>, serde_json::Error> {
    let mut schemas = messages::schemas();
    schemas.push(("envelope", schemars::schema_for!(Envelope)));
    schemas.push(("job.instance", schemars::schema_for!(InstancePayload)));
    schemas
        .into_iter()
        .map(|(name, schema)| Ok((format!("{name}.schema.json"), serde_json::to_string_pretty(&schema)? + "\n")))
        .collect()
}
