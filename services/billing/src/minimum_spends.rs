//! Minimum spends: what a cycle costs a tenant at least. What it lacks is added to its invoice.

pub mod routes;
pub mod store;

use crate::currency::Currency;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MinimumSpend {
    pub id: Uuid,
    /// Of each cycle after discounts, in the currency's minor unit (ISO 4217).
    pub amount_minor: i64,
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// Of cycles that end later.
    pub begin_at: DateTime<Utc>,
    /// Of cycles that end no later; absent if it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    pub agreed_by: String,
}
