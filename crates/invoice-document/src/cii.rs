//! EN 16931 in the syntax of UN/CEFACT Cross Industry Invoice D16B (CEN/TS 16931-3-3). The order of elements is that of
//! the schema.

mod line;
mod party;
mod settlement;

use crate::{
    model::{Invoice, Kind, Period, Tax, TaxCategory},
    xml::Xml,
};
use chrono::NaiveDate;
use rust_decimal::Decimal;

/// BT-24 of an invoice that keeps to EN 16931 without a restriction or an extension.
const SPECIFICATION: &str = "urn:cen.eu:en16931:2017";
/// Decimal places of an amount (BR-DEC-*).
pub(crate) const MAX_PLACES: u32 = 2;
const NAMESPACES: [(&str, &str); 4] = [
    ("xmlns:rsm", "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"),
    ("xmlns:ram", "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"),
    ("xmlns:qdt", "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"),
    ("xmlns:udt", "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"),
];

/// The XML of a checked invoice.
pub(crate) fn write(invoice: &Invoice) -> String {
    let mut xml = Xml::new();
    xml.group_with("rsm:CrossIndustryInvoice", &NAMESPACES, |xml| {
        xml.group("rsm:ExchangedDocumentContext", |xml| {
            xml.group("ram:GuidelineSpecifiedDocumentContextParameter", |xml| xml.leaf("ram:ID", SPECIFICATION));
        });
        header(xml, invoice);
        xml.group("rsm:SupplyChainTradeTransaction", |xml| {
            for (number, line) in (1..).zip(&invoice.lines) {
                line::write(xml, number, line, &invoice.currency);
            }
            agreement(xml, invoice);
            xml.group("ram:ApplicableHeaderTradeDelivery", |_| ());
            settlement::write(xml, invoice);
        });
    });
    xml.finish()
}

fn header(xml: &mut Xml, invoice: &Invoice) {
    let kind = match invoice.kind {
        Kind::Invoice => "380",
        Kind::CreditNote { .. } => "381",
    };
    xml.group("rsm:ExchangedDocument", |xml| {
        xml.leaf("ram:ID", &invoice.number);
        xml.leaf("ram:TypeCode", kind);
        date(xml, "ram:IssueDateTime", invoice.issued_on);
        for note in &invoice.notes {
            xml.group("ram:IncludedNote", |xml| xml.leaf("ram:Content", note));
        }
    });
}

fn agreement(xml: &mut Xml, invoice: &Invoice) {
    xml.group("ram:ApplicableHeaderTradeAgreement", |xml| {
        xml.optional("ram:BuyerReference", invoice.buyer_reference.as_deref());
        party::write(xml, "ram:SellerTradeParty", &invoice.seller, party::Role::Seller);
        party::write(xml, "ram:BuyerTradeParty", &invoice.buyer, party::Role::Buyer);
        if let Some(order) = &invoice.order_reference {
            xml.group("ram:BuyerOrderReferencedDocument", |xml| xml.leaf("ram:IssuerAssignedID", order));
        }
    });
}

/// `YYYYMMDD`, which is format 102 of UNTDID 2379.
fn date(xml: &mut Xml, name: &str, date: NaiveDate) {
    xml.group(name, |xml| xml.leaf_with("udt:DateTimeString", &[("format", "102")], basic(date)));
}

fn basic(date: NaiveDate) -> String {
    date.format("%Y%m%d").to_string()
}

fn period(xml: &mut Xml, period: Option<Period>) {
    let Some(Period { first, last }) = period else { return };
    xml.group("ram:BillingSpecifiedPeriod", |xml| {
        date(xml, "ram:StartDateTime", first);
        date(xml, "ram:EndDateTime", last);
    });
}

/// The code of a category in UNTDID 5305.
fn category(category: TaxCategory) -> &'static str {
    match category {
        TaxCategory::Standard => "S",
        TaxCategory::ZeroRated => "Z",
        TaxCategory::Exempt => "E",
        TaxCategory::ReverseCharge => "AE",
        TaxCategory::Export => "G",
        TaxCategory::NotSubject => "O",
    }
}

/// `None` where there is no tax that could have a rate (BR-O-05).
fn rate(tax: Tax) -> Option<String> {
    (tax.category != TaxCategory::NotSubject).then(|| plain(tax.rate))
}

/// A decimal without zeros at its end.
fn plain(number: Decimal) -> String {
    number.normalize().to_string()
}
