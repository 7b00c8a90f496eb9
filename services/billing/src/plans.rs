//! Plans: what a service can be had for. A version of a plan never changes; tenants pay by the one they agreed on.

pub mod announced;
pub mod price_list;
pub mod publication;
pub mod routes;
pub mod store;

use crate::{currency::Currency, pricing::Charge};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a rate prices: time of use, or things counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Kind {
    Feature,
    Meter,
}

/// How the events of one instance in one period become its quantity; those of instances are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Aggregation {
    /// Of their quantities.
    #[default]
    Sum,
    /// Of the events, whatever their quantities.
    Count,
    /// The largest quantity: the most seats that were taken at once.
    Max,
    /// The quantity of the event that was used last: the gigabytes that are stored at the end.
    Last,
}

/// What a service can be had for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Plan {
    pub id: Uuid,
    /// The name of the service, of its default plan; `forum:enterprise` of another.
    #[schema(example = "forum:enterprise")]
    pub name: String,
    #[schema(example = "forum")]
    pub service: String,
    #[schema(example = "Forum for enterprises")]
    pub title: String,
}

/// Never changes. That of a default plan is made when the service publishes a version of itself.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PlanVersion {
    pub id: Uuid,
    #[schema(example = "forum:enterprise")]
    pub plan: String,
    #[schema(example = "2")]
    pub version: String,
    pub published_at: DateTime<Utc>,
}

/// What a feature or a meter costs in a version of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Rate {
    pub id: Uuid,
    #[schema(example = "forum")]
    pub plan: String,
    #[schema(example = "1.0.0")]
    pub version: String,
    pub kind: Kind,
    #[schema(example = "forum.polls")]
    pub name: String,
    #[schema(example = "Forum: Polls")]
    pub title: String,
    /// What one unit is: `hour` of a feature, or what the meter counts.
    #[schema(example = "hour")]
    pub unit: String,
    pub aggregation: Aggregation,
    #[schema(value_type = Charge)]
    pub charge: Json<Charge>,
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// Which of a country's rates of VAT is applied to it.
    #[schema(example = "standard")]
    pub tax_group: String,
}

impl Rate {
    pub fn service(&self) -> &str {
        self.plan.split(':').next().unwrap_or_default()
    }
}

/// What a unit of every feature is.
pub const UNIT_OF_FEATURES: &str = "hour";

/// Whether two lists of rates say the same, whatever the ids of their rates and their order.
pub fn same_prices(one: &[Rate], other: &[Rate]) -> bool {
    let alike = |one: &Rate, other: &Rate| *one == Rate { id: one.id, ..other.clone() };
    one.len() == other.len() && other.iter().all(|rate| one.iter().any(|one| alike(one, rate)))
}
