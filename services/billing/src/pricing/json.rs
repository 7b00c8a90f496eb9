//! A charge as JSON. Its numbers are strings, because JSON's own pass through binary floating point.

mod convert;

use super::Charge;
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

/// How the quantity of a period becomes its amount. `included` is free and taken away first; `minimum` is what a period
/// costs at least, if anything was used in it.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "model", rename_all = "snake_case", deny_unknown_fields)]
pub enum ChargeJson {
    /// One amount for each period in which something was used.
    Flat {
        #[schema(format = "decimal", example = "9.99")]
        amount: String,
    },
    /// Each unit costs the same.
    PerUnit {
        #[schema(format = "decimal", example = "0.02")]
        price: String,
        #[schema(format = "decimal", example = "100")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        included: Option<String>,
        #[schema(format = "decimal", example = "5")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minimum: Option<String>,
    },
    /// Each unit at the price of the tier it falls into.
    Graduated {
        tiers: Vec<TierJson>,
        #[schema(format = "decimal", example = "100")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        included: Option<String>,
        #[schema(format = "decimal", example = "5")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minimum: Option<String>,
    },
    /// All units at the price of the tier that the whole quantity falls into.
    Volume {
        tiers: Vec<TierJson>,
        #[schema(format = "decimal", example = "100")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        included: Option<String>,
        #[schema(format = "decimal", example = "5")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minimum: Option<String>,
    },
    /// Whole packages of `size` units; one that was begun counts.
    Package {
        #[schema(format = "decimal", example = "1000")]
        size: String,
        /// Of one package.
        #[schema(format = "decimal", example = "2.50")]
        price: String,
        #[schema(format = "decimal", example = "100")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        included: Option<String>,
        #[schema(format = "decimal", example = "5")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minimum: Option<String>,
    },
    /// Time of use, prorated by the second; `included` is seconds.
    PerHour {
        /// Of one hour.
        #[schema(format = "decimal", example = "0.096")]
        price: String,
        /// What each interval of use is billed at least.
        #[serde(default)]
        minimum_seconds: u32,
        #[schema(format = "decimal", example = "2700000")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        included: Option<String>,
        #[schema(format = "decimal", example = "5")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minimum: Option<String>,
    },
}

/// One tier; it begins where the one before it ends.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Tier)]
pub struct TierJson {
    /// The last quantity that belongs to it; only the last tier has none.
    #[schema(format = "decimal", example = "10240")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    up_to: Option<String>,
    /// Of one unit.
    #[schema(format = "decimal", example = "0.09", required = true, nullable = false)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price: Option<String>,
    /// Charged once when the tier is reached; the first tier always is.
    #[schema(format = "decimal", example = "0")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flat: Option<String>,
}

impl PartialSchema for Charge {
    fn schema() -> RefOr<Schema> {
        ChargeJson::schema()
    }
}

impl ToSchema for Charge {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ChargeJson::schemas(schemas);
    }
}
