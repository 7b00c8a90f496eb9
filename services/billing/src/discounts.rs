//! Discounts: less than usage costs, granted by operators or by coupons.

pub mod routes;
pub mod store;

use crate::{
    credits::routes::{amount_fault, title_fault},
    currency::Currency,
};
use chrono::{DateTime, Utc};
use common::problem::FieldError;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

const MOST_CYCLES: i32 = 1200;
const LONGEST_SERVICE: usize = 60;
/// Decimal places of a percentage.
const PLACES: u32 = 4;

/// How much less, and of what.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Terms {
    /// On the tenant's invoices.
    #[schema(min_length = 1, max_length = 120, example = "Partner, first year")]
    pub title: String,
    /// Only of what this service costs; of everything, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "forum")]
    pub service: Option<String>,
    /// Above 0, at most 100, with at most four decimal places. Either this or `amount_minor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "decimal", example = "10")]
    pub percent: Option<Decimal>,
    /// At most so much a cycle, in the currency's minor unit (ISO 4217).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    pub amount_minor: Option<i64>,
    /// Of `amount_minor`, with which it comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 3)]
    pub currency: Option<Currency>,
    /// Only of so many cycles, the running one among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1200, example = 12)]
    pub cycles: Option<i32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Discount {
    pub id: Uuid,
    #[serde(flatten)]
    pub terms: Terms,
    /// Of cycles that end later.
    pub begin_at: DateTime<Utc>,
    /// Of cycles that end no later; absent if it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_at: Option<DateTime<Utc>>,
    /// Absent if an operator has granted it to this tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon_id: Option<Uuid>,
    #[serde(skip)]
    pub granted_by: String,
}

impl Terms {
    pub fn faults(&self) -> Vec<FieldError> {
        let mut errors: Vec<_> = title_fault(&self.title).into_iter().collect();
        match (self.percent, self.amount_minor) {
            (Some(percent), None) => {
                let sound =
                    percent > Decimal::ZERO && percent <= Decimal::ONE_HUNDRED && percent.normalize().scale() <= PLACES;
                let text = "must be above 0 and at most 100, with at most four decimal places";
                errors.extend((!sound).then(|| FieldError::new("percent", "out_of_range", text)));
            }
            (None, Some(amount)) => errors.extend(amount_fault("amount_minor", amount)),
            _ => errors.push(FieldError::new("percent", "required", "must be there, or else amount_minor")),
        }
        if self.currency.is_some() != self.amount_minor.is_some() {
            errors.push(FieldError::new("currency", "required", "must come with amount_minor, and only then"));
        }
        if self.cycles.is_some_and(|cycles| !(1..=MOST_CYCLES).contains(&cycles)) {
            errors.push(FieldError::new("cycles", "out_of_range", format!("must be from 1 to {MOST_CYCLES}")));
        }
        let named = |name: &String| {
            (1..=LONGEST_SERVICE).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_')
        };
        if !self.service.as_ref().is_none_or(named) {
            errors.push(FieldError::new("service", "malformed", "must be the name of a service"));
        }
        errors
    }
}
