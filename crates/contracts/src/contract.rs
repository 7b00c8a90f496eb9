//! A contract: what a writer of data and their readers agree on, as a JSON Schema and samples.

use schemars::{JsonSchema, Schema};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Keyword of a schema whose variants (`oneOf`) are added to: the property that tells them apart. A reader leaves a
/// message with a variant that it does not know to a reader that does.
pub const EXTENSIBLE: &str = "x-extensible";

/// The publishers of what each product says.
pub const PRODUCTS: &[&str] = &["products"];

/// What has golden samples: values as a publisher may write them. `cargo xtask events` keeps those of each revision for
/// ever, and today's code must read all of them.
pub trait Sample: Sized {
    /// One that is complete, and one with as little as it may have; of a union one a variant.
    fn samples() -> Vec<Self>;
}

/// The contract of one type.
pub struct Contract {
    /// The message's type, `job.<kind>.v<version>`, or `envelope`.
    pub name: String,
    /// JSON Schema 2020-12 of the data.
    pub schema: Schema,
    /// As a publisher writes them.
    pub samples: fn() -> Result<Vec<Value>, serde_json::Error>,
    /// Reads data as a consumer does, and gives what it would write.
    pub reread: fn(Value) -> Result<Value, serde_json::Error>,
}

impl Contract {
    pub(crate) fn of<T: Serialize + DeserializeOwned + JsonSchema + Sample>(name: String) -> Self {
        Self {
            name,
            schema: schemars::schema_for!(T),
            samples: || T::samples().into_iter().map(serde_json::to_value).collect(),
            reread: |data| serde_json::to_value(serde_json::from_value::<T>(data)?),
        }
    }
}
