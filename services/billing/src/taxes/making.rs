//! The taxes of an invoice that is being made, or previewed. Nothing is written.

use super::{
    InvoiceTax,
    computing::{Applied, Bases, Place, Taxable, bases, taxes},
    rules::{Buyer, Seller, Treatment},
    store::{self, Basis, KnownRate},
    undetermined::Undetermined,
};
use crate::{
    accounts::Account,
    adjustments::Adjustment,
    calendar::Span,
    invoices::{not_invoiced::NotInvoiced, store::PricedLine},
};
use chrono::{NaiveDate, TimeDelta};
use common::db::TenantTx;
use rust_decimal::Decimal;

/// A period ends just before the moment at which the next one begins.
const JUST_BEFORE: TimeDelta = TimeDelta::microseconds(1);

/// The VAT on what a seller charges for the period `own`; none where nothing is charged and nobody knows.
pub async fn tax(
    tx: &mut TenantTx,
    seller: Option<&Seller>,
    account: &Account,
    own: Span,
    lines: &[PricedLine<'_>],
    adjustments: &[Adjustment],
) -> Result<Vec<InvoiceTax>, NotInvoiced> {
    let Some(seller) = seller else { return Ok(Vec::new()) };
    let taxable: Vec<_> = lines.iter().map(Taxable::from).collect();
    let bases = bases(own, &taxable, adjustments)?;
    let basis = store::basis(tx).await?;
    match made(seller, &basis, account, &bases) {
        Err(NotInvoiced::Tax(_)) if bases.values().all(|base| *base == 0) => Ok(Vec::new()),
        made => made,
    }
}

fn made(seller: &Seller, basis: &Basis, account: &Account, bases: &Bases) -> Result<Vec<InvoiceTax>, NotInvoiced> {
    let Basis { revision, buyer, rates } = basis;
    let buyer = buyer.as_ref().ok_or(Undetermined::DetailsMissing)?;
    let (treatment, Buyer { country, vat_id }) = (seller.treatment(buyer), buyer);
    let place = Place { country: country.clone(), buyer_vat_id: vat_id.as_ref().map(|id| id.as_str().to_owned()) };
    taxes(bases, &place, |tax_group, period| {
        if treatment != Treatment::Taxed {
            return Ok(Applied { category: treatment.category(true), percent: Decimal::ZERO, tax_rate_id: None });
        }
        // The tax point: what is supplied all the time is supplied at the end of each period (Article 64).
        let on = account.schedule.date(period.until - JUST_BEFORE);
        let rate = rate(rates, tax_group, on).ok_or_else(|| Undetermined::RateMissing {
            country: country.code().to_owned(),
            tax_group: tax_group.to_owned(),
            on,
            revision: *revision,
        })?;
        let category = treatment.category(rate.percent.is_zero());
        Ok(Applied { category, percent: rate.percent.normalize(), tax_rate_id: Some(rate.id) })
    })
}

/// The rate of a group that holds on a day.
fn rate<'a>(rates: &'a [KnownRate], tax_group: &str, on: NaiveDate) -> Option<&'a KnownRate> {
    rates.iter().rfind(|rate| rate.tax_group == tax_group && rate.valid_from <= on)
}

impl From<&PricedLine<'_>> for Taxable {
    fn from(line: &PricedLine<'_>) -> Self {
        Self { tax_group: line.rate.tax_group.clone(), period: line.period, amount_minor: line.priced.amount_minor }
    }
}

#[cfg(test)]
mod tests;
