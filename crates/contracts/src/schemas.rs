//! The JSON Schema of each message and job; the committed files under `openapi/events/` are made of this.

use crate::{envelope::Envelope, jobs, messages};

/// File name and pretty-printed JSON Schema (2020-12) of the envelope, every message and every job's payload.
pub fn all() -> Result<Vec<(String, String)>, serde_json::Error> {
    let messages = messages::schemas().into_iter().map(|(name, schema)| (name.to_owned(), schema));
    messages
        .chain(jobs::schemas())
        .chain([("envelope".to_owned(), schemars::schema_for!(Envelope))])
        .map(|(name, schema)| Ok((format!("{name}.schema.json"), serde_json::to_string_pretty(&schema)? + "\n")))
        .collect()
}
