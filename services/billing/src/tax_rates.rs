//! Rates of VAT: what a country takes of a group of supplies by law, and from which day on. Operators enter them; a new
//! one never changes what has been taxed.

pub mod routes;
pub mod store;

use crate::accounts::country::Country;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The clocks that are furthest ahead of UTC, those of Kiribati: there a day begins first.
const EARLIEST_CLOCKS: TimeDelta = TimeDelta::hours(14);

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TaxRate {
    pub id: Uuid,
    /// ISO 3166-1 alpha-2.
    #[schema(value_type = String, example = "DE")]
    pub country: Country,
    #[schema(example = "standard")]
    pub tax_group: String,
    #[schema(value_type = String, format = "decimal", example = "19")]
    pub percent: Decimal,
    /// Until the day on which the next one of the country and group begins.
    #[schema(example = "2027-01-01")]
    pub valid_from: NaiveDate,
    pub created_at: DateTime<Utc>,
    /// The principal who entered it.
    pub created_by: String,
    /// Before it began, so it never holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<String>,
}

/// Whether a day has begun anywhere.
fn has_begun(day: NaiveDate, now: DateTime<Utc>) -> bool {
    day <= (now + EARLIEST_CLOCKS).date_naive()
}
