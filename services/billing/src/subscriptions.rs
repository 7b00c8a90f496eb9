//! Subscriptions: which version of which plan a tenant pays by, for each service that it uses, and from when.

pub mod routes;
pub mod store;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// The tenant pays for a service by a version of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Subscription {
    #[schema(example = "forum")]
    pub service: String,
    #[schema(example = "forum:enterprise")]
    pub plan: String,
    /// What it does not price, such as a module that came later, costs what the first later version says.
    #[schema(example = "2")]
    pub version: String,
    /// From when on; absent of the first, which also holds for all time before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Absent of the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}
