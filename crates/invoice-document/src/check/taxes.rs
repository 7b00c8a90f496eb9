//! The rules of each category of VAT.

use super::{Refused, rule, sums::equal};
use crate::model::{AdjustmentKind, Invoice, Tax, TaxCategory, TaxGroup};
use rust_decimal::Decimal;

pub(super) fn check(invoice: &Invoice) -> Result<(), Refused> {
    for (index, group) in invoice.taxes.iter().enumerate() {
        if invoice.taxes[..index].iter().any(|earlier| earlier.tax == group.tax) {
            return rule("BR-CO-18", "what is taxed alike is one group");
        }
        rate(group.tax)?;
        reason(group)?;
    }
    let grouped = |tax: Tax| invoice.taxes.iter().any(|group| group.tax == tax);
    if !taxed(invoice).all(|(tax, _)| grouped(tax)) {
        return rule("BR-CO-18", "every line and adjustment belongs to a group of taxes");
    }
    for group in &invoice.taxes {
        equal(base_rule(group.tax.category), taxable(invoice, group.tax), group.taxable_minor)?;
    }
    identifiers(invoice)
}

/// How each line and adjustment is taxed, and what it adds to the taxable amount.
fn taxed(invoice: &Invoice) -> impl Iterator<Item = (Tax, i128)> {
    let lines = invoice.lines.iter().map(|line| (line.tax, i128::from(line.amount_minor)));
    lines.chain(invoice.adjustments.iter().map(|adjustment| match adjustment.kind {
        AdjustmentKind::Allowance => (adjustment.tax, -i128::from(adjustment.amount_minor)),
        AdjustmentKind::Charge => (adjustment.tax, i128::from(adjustment.amount_minor)),
    }))
}

fn taxable(invoice: &Invoice, tax: Tax) -> i128 {
    taxed(invoice).filter(|(other, _)| *other == tax).map(|(_, amount)| amount).sum()
}

fn base_rule(category: TaxCategory) -> &'static str {
    match category {
        TaxCategory::Standard => "BR-S-08",
        TaxCategory::ZeroRated => "BR-Z-08",
        TaxCategory::Exempt => "BR-E-08",
        TaxCategory::ReverseCharge => "BR-AE-08",
        TaxCategory::Export => "BR-G-08",
        TaxCategory::NotSubject => "BR-O-08",
    }
}

fn rate(tax: Tax) -> Result<(), Refused> {
    if tax.category == TaxCategory::Standard {
        if tax.rate <= Decimal::ZERO || tax.rate > Decimal::ONE_HUNDRED {
            return rule("BR-S-05", "a standard rate is above 0 % and at most 100 %");
        }
    } else if !tax.rate.is_zero() {
        return rule("BR-{Z,E,AE,G,O}-05", "only the standard category has a rate");
    }
    Ok(())
}

fn reason(group: &TaxGroup) -> Result<(), Refused> {
    let needed = !matches!(group.tax.category, TaxCategory::Standard | TaxCategory::ZeroRated);
    match (&group.exemption_reason, needed) {
        (None, true) => rule("BR-{E,AE,G,O}-10", "an exemption from VAT has a reason"),
        (Some(_), false) => rule("BR-{S,Z}-10", "what is taxed has no reason for an exemption"),
        _ => Ok(()),
    }
}

/// Which parties have to be known to the tax offices.
fn identifiers(invoice: &Invoice) -> Result<(), Refused> {
    let occurs = |category| invoice.taxes.iter().any(|group| group.tax.category == category);
    let (seller, buyer) = (&invoice.seller, &invoice.buyer);
    if occurs(TaxCategory::NotSubject) {
        if seller.vat_id.is_some() || buyer.vat_id.is_some() {
            return rule("BR-O-02", "what is not subject to VAT names no VAT identifier");
        }
        if invoice.taxes.len() > 1 {
            return rule("BR-O-11", "what is not subject to VAT shares its invoice with nothing that is");
        }
        return Ok(());
    }
    if occurs(TaxCategory::ReverseCharge) && buyer.vat_id.is_none() && buyer.registration.is_none() {
        return rule("BR-AE-02", "a reverse charge needs the buyer's VAT identifier or registration");
    }
    if occurs(TaxCategory::Export) && seller.vat_id.is_none() {
        return rule("BR-G-02", "an export needs the seller's VAT identifier");
    }
    if seller.vat_id.is_none() && seller.tax_number.is_none() {
        return rule("BR-{S,Z,E,AE}-02", "a seller who names VAT has a VAT identifier or a tax number");
    }
    Ok(())
}
