//! What a document says of an invoice, in the terms of EN 16931. Pure: the same facts give the same document.

use super::{
    country,
    facts::{Facts, Paying},
    issuer::{Issuer, Vat},
    line,
    taxation::{Taxation, Unstated},
    totals,
};
use crate::{
    accounts::details::Details,
    calendar::{Span, TimeZone},
    currency::Currency,
    invoices::store::Line,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use invoice_document::{Address, Kind, Party, Payment, Period, Tax, TaxCategory, TaxGroup, Totals};
use rust_decimal::Decimal;

/// A period ends just before the moment at which the next one begins.
const JUST_BEFORE: TimeDelta = TimeDelta::microseconds(1);

/// The terms of payment (BT-20) of what is charged.
const CHARGED: &str = "The amount is charged to your payment method; please do not transfer it.";

/// As above, of what is paid before the document is made.
const PAID: &str = "The amount is paid; please do not transfer it.";

/// The document, not checked yet. Nothing is paid, as at the time when the number was given.
///
/// # Errors
/// The VAT of the invoice cannot be stated.
pub fn document(issuer: &Issuer, facts: &Facts) -> Result<invoice_document::Invoice, Unstated> {
    let Facts { invoice, number, zone, buyer, .. } = facts;
    let taxation = Taxation::of(issuer, facts)?;
    let whole = Span { from: invoice.period_start, until: invoice.period_end };
    let is_of_another = |line: &Line| Span { from: line.period_start, until: line.period_end } != whole;
    let of_line = |one: &Line| {
        let days = is_of_another(one).then(|| period(zone, one.period_start, one.period_end));
        Ok(line::of(one, days, taxation.of_line(one)?))
    };
    let mut lines = facts.lines.iter().map(of_line).collect::<Result<Vec<_>, Unstated>>()?;
    if lines.is_empty() {
        // EN 16931 has no invoice without a line.
        lines.push(line::nothing_used(taxation.of_nothing()?));
    }
    let adjustments = totals::adjustments(&facts.adjustments, &taxation)?;
    let totals = totals::totals(invoice.subtotal_minor, &adjustments, invoice.tax_minor, invoice.total_minor);
    let named = taxation.names_identifiers();
    Ok(invoice_document::Invoice {
        issued_on: zone.date(invoice.issued_at),
        due_on: (invoice.total_minor > 0).then(|| zone.date(facts.due_at)),
        period: Some(period(zone, invoice.period_start, invoice.period_end)),
        buyer: party(buyer, &facts.email, named),
        order_reference: buyer.order_reference.clone(),
        payment: payment(issuer, facts),
        lines,
        notes: totals::notes(&facts.adjustments, &invoice.currency),
        taxes: taxation.groups,
        totals,
        adjustments,
        ..frame(issuer, named, number, line::currency(&invoice.currency))
    })
}

/// Invoices of the seller to itself, one of each way in which it taxes, by which its settings are checked before there
/// is a real one.
pub fn probes(issuer: &Issuer, day: NaiveDate) -> Vec<invoice_document::Invoice> {
    let untaxed = |category| Tax { category, rate: Decimal::ZERO };
    let reason = || Some("It is only a probe.".to_owned());
    let ways = match &issuer.vat {
        Vat::None { tax, reason } => vec![(*tax, Some(reason.clone()))],
        Vat::Charged(_) => vec![
            (Tax { category: TaxCategory::Standard, rate: Decimal::ONE }, None),
            (untaxed(TaxCategory::ReverseCharge), reason()),
            (untaxed(TaxCategory::NotSubject), reason()),
        ],
    };
    let probe = |(tax, exemption_reason): (Tax, _)| {
        let named = tax.category != TaxCategory::NotSubject || matches!(issuer.vat, Vat::None { .. });
        let frame = frame(issuer, named, "1", line::currency(&Currency::euro()));
        let owes = (tax.category == TaxCategory::ReverseCharge).then(|| frame.seller.vat_id.clone()).flatten();
        invoice_document::Invoice {
            issued_on: day,
            buyer: Party { vat_id: owes, ..frame.seller.clone() },
            lines: vec![line::nothing_used(tax)],
            taxes: vec![TaxGroup { tax, taxable_minor: 0, tax_minor: 0, exemption_reason }],
            ..frame
        }
    };
    ways.into_iter().map(probe).collect()
}

/// What follows from the seller and the number; buyer, days, lines, taxes and totals are still to be said. The seller is
/// named with its VAT identifier unless a rule of VAT forbids that.
fn frame(
    issuer: &Issuer,
    named: bool,
    number: &str,
    currency: invoice_document::Currency,
) -> invoice_document::Invoice {
    let Issuer { seller, transfer, .. } = issuer;
    let seller = Party { vat_id: seller.vat_id.clone().filter(|_| named), ..seller.clone() };
    invoice_document::Invoice {
        kind: Kind::Invoice,
        number: number.to_owned(),
        issued_on: NaiveDate::default(),
        due_on: None,
        period: None,
        currency,
        buyer: seller.clone(),
        seller,
        buyer_reference: None,
        order_reference: None,
        lines: Vec::new(),
        adjustments: Vec::new(),
        taxes: Vec::new(),
        totals: Totals::default(),
        payment: Payment { transfer: transfer.clone(), ..Payment::default() },
        notes: Vec::new(),
    }
}

/// Who is charged and transfers as well pays twice.
fn payment(issuer: &Issuer, facts: &Facts) -> Payment {
    let terms = match facts.paying {
        Paying::Transfer => None,
        Paying::Charged => Some(CHARGED),
        Paying::Paid => Some(PAID),
    };
    if let Some(terms) = terms {
        return Payment { terms: Some(terms.into()), ..Payment::default() };
    }
    Payment { transfer: issuer.transfer.clone(), reference: Some(facts.number.clone()), ..Payment::default() }
}

fn party(details: &Details, email: &str, named: bool) -> Party {
    let vat_id = details.vat_id.as_ref().filter(|_| named);
    Party {
        name: details.legal_name.clone(),
        address: Address {
            lines: details.address_lines.clone(),
            postcode: details.postcode.clone(),
            city: details.city.clone(),
            country: country::of_code(details.country.code()),
        },
        vat_id: vat_id.map(|id| id.as_str().to_owned()),
        tax_number: None,
        registration: None,
        email: Some(details.email.clone().unwrap_or_else(|| email.to_owned())),
    }
}

fn period(zone: &TimeZone, from: DateTime<Utc>, until: DateTime<Utc>) -> Period {
    let first = zone.date(from);
    Period { first, last: zone.date(until - JUST_BEFORE).max(first) }
}

#[cfg(test)]
mod tests;
