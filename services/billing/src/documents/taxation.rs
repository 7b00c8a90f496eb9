//! How everything on a document is taxed: as its invoice says, or by the one reason for which its seller charges no VAT.

use super::{
    facts::Facts,
    issuer::{Issuer, Vat},
};
use crate::{
    adjustments::{self, Adjustment},
    calendar::Span,
    invoices::store::Line,
    pricing::TooLarge,
    taxes::{
        InvoiceTax,
        TaxCategory::{NotSubject, ReverseCharge, Standard, ZeroRated},
        computing::{Taxable, bases},
    },
};
use chrono::{DateTime, Utc};
use invoice_document::{Tax, TaxCategory, TaxGroup};
use rust_decimal::Decimal;

/// Why something is exempt that costs nothing.
const NOTHING: &str = "Nothing is charged.";

/// An invoice whose VAT no document can state.
#[derive(Debug, thiserror::Error)]
pub enum Unstated {
    #[error("the invoice was made when its seller charged no VAT, and the seller does now")]
    Untaxed,
    #[error("the invoice was taxed in {taxed}, and its account is in {now} by now")]
    OtherCountry { taxed: String, now: String },
    #[error("the invoice was taxed by another VAT identifier than its account has by now")]
    OtherBuyer,
    #[error("the invoice has a line or an adjustment that no tax of it is of")]
    Unknown,
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// Of one invoice.
pub struct Taxation<'a> {
    pub groups: Vec<TaxGroup>,
    /// Of everything, where the invoice has no taxes.
    whole: Option<Tax>,
    taxes: &'a [InvoiceTax],
}

impl<'a> Taxation<'a> {
    /// # Errors
    /// The invoice was made for a buyer that it does not name any more, or by a seller with another duty.
    pub fn of(issuer: &Issuer, facts: &'a Facts) -> Result<Self, Unstated> {
        let (taxes, subtotal) = (facts.taxes.as_slice(), facts.invoice.subtotal_minor);
        if taxes.is_empty() {
            let adjusted = facts.adjustments.iter().filter(|adjustment| !adjustment.is_payment());
            let taxable_minor =
                adjusted.map(|adjustment| adjustment.amount_minor).try_fold(subtotal, adjustments::plus)?;
            let (tax, reason) = match &issuer.vat {
                Vat::None { tax, reason } => (*tax, reason.clone()),
                Vat::Charged(_) if is_for_nothing(facts)? => (untaxed(TaxCategory::Exempt), NOTHING.to_owned()),
                Vat::Charged(_) => return Err(Unstated::Untaxed),
            };
            let groups = vec![TaxGroup { tax, taxable_minor, tax_minor: 0, exemption_reason: Some(reason) }];
            return Ok(Self { groups, whole: Some(tax), taxes });
        }
        taxes.iter().try_for_each(|tax| is_of_buyer(tax, facts))?;
        Ok(Self { groups: taxes.iter().map(group).collect(), whole: None, taxes })
    }

    /// Whether VAT identifiers may be named: not where something is not subject to VAT (BR-O-02).
    pub fn names_identifiers(&self) -> bool {
        self.groups.iter().all(|group| group.tax.category != TaxCategory::NotSubject)
    }

    pub fn of_line(&self, line: &Line) -> Result<Tax, Unstated> {
        self.find(&line.tax_group, line.period_end)
    }

    /// Of the line that an invoice has on which nothing is.
    pub fn of_nothing(&self) -> Result<Tax, Unstated> {
        self.groups.first().map(|group| group.tax).ok_or(Unstated::Unknown)
    }

    /// Of a discount or a minimum spend.
    pub fn of_adjustment(&self, adjustment: &Adjustment) -> Result<Tax, Unstated> {
        self.find(adjustment.tax_group.as_deref().unwrap_or_default(), adjustment.period_end)
    }

    fn find(&self, group: &str, period_end: DateTime<Utc>) -> Result<Tax, Unstated> {
        let is_of =
            |tax: &&InvoiceTax| tax.parts.iter().any(|part| part.tax_group == group && part.period_end == period_end);
        let of_taxes = || self.taxes.iter().find(is_of).map(as_stated);
        self.whole.or_else(of_taxes).ok_or(Unstated::Unknown)
    }
}

/// Nothing of it could be taxed, so that it was made without anybody knowing how.
fn is_for_nothing(facts: &Facts) -> Result<bool, TooLarge> {
    let lines: Vec<_> = facts.lines.iter().map(Taxable::from).collect();
    let own = Span { from: facts.invoice.period_start, until: facts.invoice.period_end };
    Ok(bases(own, &lines, &facts.adjustments)?.values().all(|base| *base == 0))
}

fn is_of_buyer(tax: &InvoiceTax, facts: &Facts) -> Result<(), Unstated> {
    let (taxed, now) = (tax.country.code().to_owned(), facts.buyer.country.code().to_owned());
    if taxed != now {
        return Err(Unstated::OtherCountry { taxed, now });
    }
    let vat_id = facts.buyer.vat_id.as_ref().map(|id| id.as_str());
    if tax.buyer_vat_id.is_some() && tax.buyer_vat_id.as_deref() != vat_id {
        return Err(Unstated::OtherBuyer);
    }
    Ok(())
}

fn untaxed(category: TaxCategory) -> Tax {
    Tax { category, rate: Decimal::ZERO }
}

fn as_stated(tax: &InvoiceTax) -> Tax {
    let category = match tax.category {
        Standard => TaxCategory::Standard,
        ZeroRated => TaxCategory::ZeroRated,
        ReverseCharge => TaxCategory::ReverseCharge,
        NotSubject => TaxCategory::NotSubject,
    };
    Tax { category, rate: tax.percent }
}

fn group(tax: &InvoiceTax) -> TaxGroup {
    let InvoiceTax { taxable_minor, tax_minor, reason, .. } = tax;
    let (taxable_minor, tax_minor) = (*taxable_minor, *tax_minor);
    TaxGroup { tax: as_stated(tax), taxable_minor, tax_minor, exemption_reason: reason.clone() }
}

impl From<&Line> for Taxable {
    fn from(line: &Line) -> Self {
        Self {
            tax_group: line.tax_group.clone(),
            period: Span { from: line.period_start, until: line.period_end },
            amount_minor: line.amount_minor,
        }
    }
}
