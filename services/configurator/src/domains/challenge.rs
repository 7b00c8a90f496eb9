//! The DNS record by which a host is proved: how is it called, and what does it say?

use serde::Serialize;
use utoipa::ToSchema;

const PREFIX: &str = "_sevenleague-challenge.";
/// The record's name must be one that DNS can hold.
pub const LONGEST_HOST: usize = 253 - PREFIX.len();

/// The DNS record that proves that a host is the tenant's.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HostProof {
    #[schema(example = "TXT")]
    pub record_type: &'static str,
    #[schema(example = "_sevenleague-challenge.forum.example.com")]
    pub record_name: String,
    /// What the record says, and nothing else; other TXT records of the same name do not matter.
    pub record_value: String,
}

impl HostProof {
    pub fn of(host: &str, value: String) -> Self {
        Self { record_type: "TXT", record_name: format!("{PREFIX}{host}"), record_value: value }
    }
}
