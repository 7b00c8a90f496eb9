//! Proofs of taxes: what is stored of an invoice is taxed once more, by the rates that it names.

use super::{
    InvoiceTax,
    computing::{Applied, Place, bases, taxes},
    store,
};
use crate::{adjustments, calendar::Span, pricing::TooLarge};
use common::db::TenantTx;
use rust_decimal::Decimal;
use std::collections::HashMap;
use uuid::Uuid;

/// No stored tax is of this group and period, or its rate is another country's or group's; or a sum is too large.
struct Differs;

impl From<TooLarge> for Differs {
    fn from(_: TooLarge) -> Self {
        Self
    }
}

/// Whether the taxes of an invoice are those that its lines and adjustments come to.
pub async fn are_equal(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<bool> {
    let stored = store::list(tx, invoice).await?;
    let (tax_minor, own) = store::stated(tx, invoice).await?;
    let Some(first) = stored.first() else { return Ok(tax_minor == 0) };
    let lines = store::taxable(tx, invoice).await?;
    let adjustments = adjustments::list(tx, invoice).await?;
    let named = stored.iter().flat_map(|tax| tax.parts.iter()).filter_map(|part| part.tax_rate_id);
    let rates = store::rates(tx, &named.collect::<Vec<_>>()).await?;
    let rates: HashMap<_, _> =
        rates.into_iter().map(|(id, country, group, percent)| (id, (country, group, percent))).collect();
    let place = Place { country: first.country.clone(), buyer_vat_id: first.buyer_vat_id.clone() };
    let applied = |group: &str, period| {
        let (tax, tax_rate_id) = part(&stored, group, period).ok_or(Differs)?;
        let percent = match tax_rate_id {
            None => Decimal::ZERO,
            Some(id) => {
                let of_rate = rates.get(&id).filter(|(country, of, _)| *country == tax.country && of == group);
                of_rate.ok_or(Differs)?.2
            }
        };
        Ok(Applied { category: tax.category, percent, tax_rate_id })
    };
    let made = bases(own, &lines, &adjustments).map_err(Differs::from).and_then(|bases| taxes(&bases, &place, applied));
    let sum: i128 = stored.iter().map(|tax| i128::from(tax.tax_minor)).sum();
    // Why there is none is a text, which may be written better some day.
    let without_reason = |taxes: Vec<InvoiceTax>| taxes.into_iter().map(|tax| InvoiceTax { reason: None, ..tax });
    Ok(sum == i128::from(tax_minor) && made.is_ok_and(|made| without_reason(made).eq(without_reason(stored.clone()))))
}

/// The tax that a group has in a period, and by which rate.
fn part<'a>(taxes: &'a [InvoiceTax], group: &str, period: Span) -> Option<(&'a InvoiceTax, Option<Uuid>)> {
    taxes.iter().find_map(|tax| {
        let mut parts = tax.parts.iter();
        let is_it = |part: &&super::TaxPart| {
            part.tax_group == group && (part.period_start, part.period_end) == (period.from, period.until)
        };
        Some((tax, parts.find(is_it)?.tax_rate_id))
    })
}
