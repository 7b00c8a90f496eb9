//! What a document says of an invoice, in the terms of EN 16931. Pure: the same facts give the same document.

use super::{country, issuer::Issuer, line, totals};
use crate::{
    accounts::details::Details,
    adjustments::Adjustment,
    calendar::{Span, TimeZone},
    currency::Currency,
    invoices::store::{Invoice, Line},
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use invoice_document::{Address, Kind, Party, Payment, Period, TaxGroup};

/// A period ends just before the moment at which the next one begins.
const JUST_BEFORE: TimeDelta = TimeDelta::microseconds(1);

/// The terms of payment (BT-20) of what is charged.
const CHARGED: &str = "The amount is charged to your payment method; please do not transfer it.";

/// As above, of what is paid before the document is made.
const PAID: &str = "The amount is paid; please do not transfer it.";

/// What the buyer has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paying {
    Transfer,
    /// Nothing: a payment method is charged.
    Charged,
    /// Nothing any more.
    Paid,
}

/// All that the document of an invoice is made of.
#[derive(Clone, Debug)]
pub struct Facts {
    pub invoice: Invoice,
    pub number: String,
    pub lines: Vec<Line>,
    /// In the order in which they are made.
    pub adjustments: Vec<Adjustment>,
    /// Until when the invoice is to be paid.
    pub due_at: DateTime<Utc>,
    pub paying: Paying,
    pub buyer: Details,
    /// The account's address, where its details have none.
    pub email: String,
    /// By whose clocks the days are those of the buyer.
    pub zone: TimeZone,
}

/// The document, not checked yet. Nothing is paid, as at the time when the number was given.
pub fn document(issuer: &Issuer, facts: &Facts) -> invoice_document::Invoice {
    let Facts { invoice, number, zone, buyer, .. } = facts;
    let whole = Span { from: invoice.period_start, until: invoice.period_end };
    let is_of_another = |line: &Line| Span { from: line.period_start, until: line.period_end } != whole;
    let of_line = |one: &Line| {
        let days = is_of_another(one).then(|| period(zone, one.period_start, one.period_end));
        line::of(one, days, issuer.tax)
    };
    let lines: Vec<_> = facts.lines.iter().map(of_line).collect();
    let adjustments = totals::adjustments(&facts.adjustments, issuer.tax);
    let sums = totals::totals(invoice.subtotal_minor, &adjustments, invoice.total_minor);
    invoice_document::Invoice {
        issued_on: zone.date(invoice.issued_at),
        due_on: (invoice.total_minor > 0).then(|| zone.date(facts.due_at)),
        period: Some(period(zone, invoice.period_start, invoice.period_end)),
        buyer: party(buyer, &facts.email, issuer),
        order_reference: buyer.order_reference.clone(),
        payment: payment(issuer, facts),
        // EN 16931 has no invoice without a line.
        lines: if lines.is_empty() { vec![line::nothing_used(issuer.tax)] } else { lines },
        notes: totals::notes(&facts.adjustments, &invoice.currency),
        totals: sums,
        adjustments,
        ..frame(issuer, number, line::currency(&invoice.currency), sums.without_tax_minor)
    }
}

/// An invoice of the seller to itself, by which its settings are checked before there is a real one.
pub fn probe(issuer: &Issuer, day: NaiveDate) -> invoice_document::Invoice {
    let buyer = Party { vat_id: None, ..issuer.seller.clone() };
    let lines = vec![line::nothing_used(issuer.tax)];
    invoice_document::Invoice {
        issued_on: day,
        buyer,
        lines,
        ..frame(issuer, "1", line::currency(&Currency::euro()), 0)
    }
}

/// What follows from the seller, the number and the taxable amount; buyer, days and lines are still to be said.
fn frame(
    issuer: &Issuer,
    number: &str,
    currency: invoice_document::Currency,
    taxable_minor: i64,
) -> invoice_document::Invoice {
    let Issuer { seller, transfer, tax, exemption_reason } = issuer;
    let exemption_reason = Some(exemption_reason.clone());
    invoice_document::Invoice {
        kind: Kind::Invoice,
        number: number.to_owned(),
        issued_on: NaiveDate::default(),
        due_on: None,
        period: None,
        currency,
        seller: seller.clone(),
        buyer: seller.clone(),
        buyer_reference: None,
        order_reference: None,
        lines: Vec::new(),
        adjustments: Vec::new(),
        taxes: vec![TaxGroup { tax: *tax, taxable_minor, tax_minor: 0, exemption_reason }],
        totals: totals::plain(taxable_minor),
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

fn party(details: &Details, email: &str, issuer: &Issuer) -> Party {
    // BR-O-02: what is not subject to VAT names nobody's VAT identifier.
    let named = issuer.tax.category != invoice_document::TaxCategory::NotSubject;
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
