//! Adjustments of invoices: what is taken off what usage costs, or added to it, in this order:
//!
//! 1. discounts on one service, then those on everything, each in the order in which they were granted, each on what the
//!    ones before have left;
//! 2. the minimum spend: what the cycle lacks to it;
//! 3. VAT, on what that comes to (`taxes`);
//! 4. credits, those that expire soonest first, down to nothing;
//! 5. what is less than nothing becomes a credit.
//!
//! Discounts and minimum spends belong to the cycle in which something was used, like usage itself: what comes late to a
//! cycle changes what they come to for it, and the next invoice has the difference. So their sum does not depend on when
//! usage arrives. Each is spread over the tax groups of what it is of, and has an adjustment for each: so neither does
//! what is taxed by which rate.

mod funds;
pub mod making;
pub mod proof;
mod rules;
mod store;

pub use store::list;

use crate::{calendar::Span, credits::Credit, pricing::TooLarge, taxes::InvoiceTax};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// What an adjustment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum AdjustmentKind {
    Discount,
    MinimumSpend,
    /// A credit of the tenant pays.
    Credit,
    /// The invoice would come to less than nothing: the tenant has a credit for the next ones.
    CarryForward,
}

/// What a discount, a minimum spend or a credit does to an invoice.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Adjustment {
    #[serde(skip)]
    pub id: Uuid,
    pub kind: AdjustmentKind,
    /// The discount, the minimum spend, or the credit that is used or left.
    pub source_id: Uuid,
    #[schema(example = "Partner, first year")]
    pub title: String,
    /// Of the usage that it belongs to; absent of credits, which change nothing about what is taxed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "standard")]
    pub tax_group: Option<String>,
    /// Of the usage that it belongs to.
    pub period_start: DateTime<Utc>,
    pub period_end: DateTime<Utc>,
    /// What the tax group has of the period before this, or for credits the invoice, in the currency's minor unit (ISO
    /// 4217).
    pub base_minor: i64,
    /// What earlier invoices took off or added for the period and the tax group.
    pub before_minor: i64,
    /// Added to the total; below zero where something is taken off.
    pub amount_minor: i64,
}

/// What an invoice comes to.
#[derive(Debug)]
pub struct Adjusted {
    pub adjustments: Vec<Adjustment>,
    /// What is left to the tenant by an invoice of less than nothing.
    pub carried: Option<Credit>,
    /// None where the seller charges no VAT.
    pub taxes: Vec<InvoiceTax>,
    pub subtotal_minor: i64,
    pub tax_minor: i64,
    pub total_minor: i64,
}

impl Adjustment {
    /// Of what pays, and so changes nothing about what is taxed.
    pub fn is_payment(&self) -> bool {
        matches!(self.kind, AdjustmentKind::Credit | AdjustmentKind::CarryForward)
    }
}

/// What lines come to, by period, in the currency's minor unit.
pub type Totals = BTreeMap<Span, Used>;

/// What lines of a period come to, by service and tax group.
pub type Used = BTreeMap<(String, String), i64>;

pub fn plus(one: i64, other: i64) -> Result<i64, TooLarge> {
    one.checked_add(other).ok_or(TooLarge)
}
