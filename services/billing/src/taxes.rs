//! VAT on invoices: by which rate each group of what was used is taxed, or why it is not, in the terms of EN 16931.
//!
//! | module | answers |
//! | --- | --- |
//! | [`rules`] | where is a supply taxed, and who owes it? |
//! | [`computing`] | what does an invoice come to of each category and rate? |
//! | [`making`], [`store`] | what is an invoice taxed by that is being made? |
//! | [`undetermined`] | what if nobody knows? |
//! | [`proof`] | is what is stored what it would be made of? |

pub mod computing;
pub mod making;
pub mod proof;
pub mod rules;
pub mod store;
pub mod undetermined;

use crate::accounts::country::Country;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

/// The group of rates of whatever belongs to no other.
pub const STANDARD: &str = "standard";

/// Categories of VAT by UNTDID 5305, as far as a seller in the European Union needs them for services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema, sqlx::Type)]
#[sqlx(type_name = "text")]
pub enum TaxCategory {
    /// Taxed by a rate above zero.
    #[serde(rename = "S")]
    #[sqlx(rename = "S")]
    Standard,
    /// Taxed by a rate of zero.
    #[serde(rename = "Z")]
    #[sqlx(rename = "Z")]
    ZeroRated,
    /// The buyer owes the tax.
    #[serde(rename = "AE")]
    #[sqlx(rename = "AE")]
    ReverseCharge,
    /// The supply takes place outside of the European Union.
    #[serde(rename = "O")]
    #[sqlx(rename = "O")]
    NotSubject,
}

/// What an invoice has of one category and rate of VAT.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct InvoiceTax {
    pub category: TaxCategory,
    /// Where the supply takes place: ISO 3166-1 alpha-2.
    #[schema(value_type = String, example = "DE")]
    pub country: Country,
    #[schema(value_type = String, format = "decimal", example = "19")]
    pub percent: Decimal,
    /// Lines, discounts and minimum spends, in the currency's minor unit (ISO 4217).
    pub taxable_minor: i64,
    /// `percent` of that, rounded once, half away from zero.
    pub tax_minor: i64,
    /// Why there is no tax; only of `AE` and `O`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// By which the buyer owes the tax; only of `AE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "FR40303265045")]
    pub buyer_vat_id: Option<String>,
    /// What it is made of. Their taxes add up to `tax_minor`.
    #[schema(value_type = Vec<TaxPart>)]
    pub parts: Json<Vec<TaxPart>>,
}

/// What a period has of one group of rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaxPart {
    #[schema(example = "standard")]
    pub tax_group: String,
    pub period_start: DateTime<Utc>,
    /// The rate is that of the day on which the period ends.
    pub period_end: DateTime<Utc>,
    pub taxable_minor: i64,
    /// By the largest remainder of the tax of the whole.
    pub tax_minor: i64,
    /// Absent where no rate is applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_rate_id: Option<Uuid>,
}

impl TaxCategory {
    /// Of UNTDID 5305.
    pub fn code(self) -> &'static str {
        match self {
            Self::Standard => "S",
            Self::ZeroRated => "Z",
            Self::ReverseCharge => "AE",
            Self::NotSubject => "O",
        }
    }

    /// Why there is no tax, as the law wants it said.
    fn reason(self) -> Option<&'static str> {
        match self {
            Self::Standard | Self::ZeroRated => None,
            Self::ReverseCharge => Some(
                "Reverse charge: VAT is owed by the recipient of the service (Article 196 of Directive 2006/112/EC).",
            ),
            Self::NotSubject => Some(
                "Not subject to VAT: the service is supplied outside of the European Union (Articles 44, 58 and 59 of \
                 Directive 2006/112/EC).",
            ),
        }
    }
}
