//! The JSON Schema of each message and job; the committed files under `openapi/events/` are made of this.

use crate::{envelope::Envelope, jobs, messages};
use schemars::Schema;

/// Keyword of a schema whose variants (`oneOf`) are added to: the property that tells them apart. A reader leaves a
/// message with a variant that it does not know to a reader that does.
pub const EXTENSIBLE: &str = "x-extensible";

/// What a publisher and its readers agree on.
pub struct Contract {
    /// The message's type, or `job.<kind>.v<version>`.
    pub name: String,
    /// JSON Schema 2020-12 of the data.
    pub schema: Schema,
}

/// Every message's, and every job's payload.
pub fn all() -> Vec<Contract> {
    let messages = messages::schemas().into_iter().map(|(name, schema)| (name.to_owned(), schema));
    messages.chain(jobs::schemas()).map(|(name, schema)| Contract { name, schema }).collect()
}

/// Of what surrounds every message.
pub fn envelope() -> Schema {
    schemars::schema_for!(Envelope)
}
