//! What an invoice comes to of each category and rate of VAT. Pure: the same lines, in any order, give the same taxes.
//!
//! 1. Lines, discounts and minimum spends are added up by group of rates and period.
//! 2. What has one category and rate is taxed together, whatever its groups and periods: rounded once.
//! 3. That tax is spread back over groups and periods, for those who want to know which of them has how much.

use super::{InvoiceTax, STANDARD, TaxCategory, TaxPart};
use crate::{
    accounts::country::Country,
    adjustments::{Adjustment, plus},
    allocation::spread,
    calendar::Span,
    pricing::TooLarge,
};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use sqlx::types::Json;
use std::{cmp::Reverse, collections::BTreeMap};
use uuid::Uuid;

/// A line, as far as it matters to taxes, or some of one group and period together.
#[derive(Clone, Debug)]
pub struct Taxable {
    pub tax_group: String,
    pub period: Span,
    pub amount_minor: i64,
}

/// What each group of rates comes to in each period.
pub type Bases = BTreeMap<(String, Span), i64>;

/// By what a group is taxed in a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Applied {
    pub category: TaxCategory,
    pub percent: Decimal,
    pub tax_rate_id: Option<Uuid>,
}

/// Where it is taxed, and who owes a tax that is not charged.
#[derive(Clone, Debug)]
pub struct Place {
    pub country: Country,
    pub buyer_vat_id: Option<String>,
}

/// An invoice of the period `own` on which there is nothing has that period's standard group, at nothing.
pub fn bases(own: Span, lines: &[Taxable], adjustments: &[Adjustment]) -> Result<Bases, TooLarge> {
    let mut bases = Bases::new();
    for line in lines {
        add(&mut bases, &line.tax_group, line.period, line.amount_minor)?;
    }
    for adjustment in adjustments {
        let period = Span { from: adjustment.period_start, until: adjustment.period_end };
        if let Some(group) = &adjustment.tax_group {
            add(&mut bases, group, period, adjustment.amount_minor)?;
        }
    }
    if bases.is_empty() {
        add(&mut bases, STANDARD, own, 0)?;
    }
    Ok(bases)
}

fn add(bases: &mut Bases, group: &str, period: Span, amount: i64) -> Result<(), TooLarge> {
    let base = bases.entry((group.to_owned(), period)).or_default();
    *base = plus(*base, amount)?;
    Ok(())
}

/// The taxes on `bases`, the highest rate of a category first. `apply` says by what each is taxed.
pub fn taxes<E: From<TooLarge>>(
    bases: &Bases,
    place: &Place,
    mut apply: impl FnMut(&str, Span) -> Result<Applied, E>,
) -> Result<Vec<InvoiceTax>, E> {
    let mut groups = BTreeMap::<(TaxCategory, Reverse<Decimal>), Vec<TaxPart>>::new();
    for ((tax_group, period), taxable_minor) in bases {
        let applied = apply(tax_group, *period)?;
        groups.entry((applied.category, Reverse(applied.percent))).or_default().push(TaxPart {
            tax_group: tax_group.clone(),
            period_start: period.from,
            period_end: period.until,
            taxable_minor: *taxable_minor,
            tax_minor: 0,
            tax_rate_id: applied.tax_rate_id,
        });
    }
    let taxes =
        groups.into_iter().map(|((category, Reverse(percent)), parts)| of_group(category, percent, place, parts));
    Ok(taxes.collect::<Result<_, TooLarge>>()?)
}

fn of_group(
    category: TaxCategory,
    percent: Decimal,
    place: &Place,
    mut parts: Vec<TaxPart>,
) -> Result<InvoiceTax, TooLarge> {
    let taxable_minor = parts.iter().map(|part| part.taxable_minor).try_fold(0, plus)?;
    let tax_minor = tax(taxable_minor, percent)?;
    let amounts: Vec<_> = parts.iter().map(|part| part.taxable_minor).collect();
    for (part, tax) in parts.iter_mut().zip(spread_back(tax_minor, percent, &amounts)?) {
        part.tax_minor = tax;
    }
    Ok(InvoiceTax {
        category,
        country: place.country.clone(),
        percent,
        taxable_minor,
        tax_minor,
        reason: category.reason().map(str::to_owned),
        buyer_vat_id: place.buyer_vat_id.clone().filter(|_| category == TaxCategory::ReverseCharge),
        parts: Json(parts),
    })
}

/// Rounded half away from zero.
fn tax(taxable_minor: i64, percent: Decimal) -> Result<i64, TooLarge> {
    let exact = Decimal::from(taxable_minor).checked_mul(percent).ok_or(TooLarge)? / Decimal::ONE_HUNDRED;
    exact.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64().ok_or(TooLarge)
}

/// By the largest remainder. What gives back has a tax of its own, so that no part has one of the other sign.
fn spread_back(tax_minor: i64, percent: Decimal, amounts: &[i64]) -> Result<Vec<i64>, TooLarge> {
    let side = |of: fn(i64) -> i64| amounts.iter().map(|amount| of(*amount)).collect::<Vec<_>>();
    let (charged, back) = (side(|amount| amount.max(0)), side(|amount| amount.min(0)));
    let sum_of = |amounts: &[i64]| amounts.iter().copied().try_fold(0, plus);
    let (of_charged, of_back) = match (sum_of(&charged)?, sum_of(&back)?) {
        (_, 0) => (tax_minor, 0),
        (0, _) => (0, tax_minor),
        (_, back) => {
            let of_back = tax(back, percent)?;
            (tax_minor.checked_sub(of_back).ok_or(TooLarge)?, of_back)
        }
    };
    let parts = spread(of_charged, &charged).into_iter().zip(spread(of_back, &back));
    Ok(parts.map(|(charged, back)| charged + back).collect())
}

#[cfg(test)]
mod tests;
