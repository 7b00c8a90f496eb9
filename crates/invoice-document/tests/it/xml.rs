//! The XML: valid, and with what the invoice says where EN 16931 has it.

use crate::{
    fixtures::{self, untaxed},
    tools::{run, validate},
};
use invoice_document::{Invoice, TaxCategory, render};

fn xml(invoice: &Invoice) -> String {
    render(invoice).unwrap().xml.unwrap()
}

/// The texts at a path of element names, without their namespaces.
fn at(xml: &str, path: &str) -> Vec<String> {
    let steps = path.split('/').map(|name| format!("/*[local-name()='{name}']")).collect::<String>();
    let texts = run("xmllint", &["--nonet", "--xpath", &format!("//*{steps}/text()"), "-"], xml.as_bytes());
    texts.lines().map(str::to_owned).collect()
}

#[test]
fn every_kind_of_document_is_valid() {
    let taxed_by = |category| fixtures::all_taxed(untaxed(category));
    for invoice in [
        fixtures::invoice(),
        fixtures::credit_note(),
        fixtures::in_yen(),
        fixtures::components(),
        fixtures::not_subject(),
        fixtures::texts(),
        fixtures::of_lines(1_000),
        taxed_by(TaxCategory::ReverseCharge),
        taxed_by(TaxCategory::Exempt),
        taxed_by(TaxCategory::Export),
        taxed_by(TaxCategory::ZeroRated),
    ] {
        validate(&xml(&invoice));
    }
}

#[test]
fn an_invoice_without_anything_optional_is_valid() {
    let mut invoice = fixtures::invoice();
    (invoice.period, invoice.buyer_reference, invoice.order_reference) = (None, None, None);
    (invoice.buyer.vat_id, invoice.buyer.email, invoice.buyer.address.postcode) = (None, None, None);
    invoice.buyer.address.lines.clear();
    invoice.notes = vec![String::new()];
    invoice.payment = invoice_document::Payment::default();
    let xml = xml(&invoice);
    validate(&xml);
    assert!(!xml.contains("<ram:IncludedNote>"), "{xml}");
}

#[test]
fn amounts_and_names_are_where_the_standard_has_them() {
    let xml = xml(&fixtures::invoice());
    let totals = "SpecifiedTradeSettlementHeaderMonetarySummation";
    let found = |name: &str| at(&xml, &format!("{totals}/{name}")).concat();
    assert_eq!(
        [
            "LineTotalAmount",
            "AllowanceTotalAmount",
            "TaxBasisTotalAmount",
            "TaxTotalAmount",
            "GrandTotalAmount",
            "DuePayableAmount"
        ]
        .map(found),
        ["177.40", "4.90", "172.50", "29.72", "202.22", "202.22"]
    );
    assert_eq!(at(&xml, "ApplicableHeaderTradeSettlement/ApplicableTradeTax/CalculatedAmount"), ["27.93", "1.79"]);
    assert_eq!(at(&xml, "ExchangedDocument/TypeCode"), ["380"]);
    assert_eq!(at(&xml, "BuyerTradeParty/Name"), ["Łódzkie Zakłady Żelazne Sp. z o.o."]);
    assert_eq!(at(&xml, "SellerTradeParty/SpecifiedTaxRegistration/ID"), ["DE123456789"]);
    assert_eq!(at(&xml, "PayeePartyCreditorFinancialAccount/IBANID"), ["DE89370400440532013000"]);
    assert_eq!(at(&xml, "SpecifiedTradePaymentTerms/DueDateDateTime/DateTimeString"), ["20261215"]);
    assert_eq!(at(&xml, "SpecifiedLineTradeDelivery/BilledQuantity"), ["1", "720", "12500", "212.5", "-300"]);
}

#[test]
fn a_line_of_components_is_priced_as_a_whole() {
    let xml = xml(&fixtures::invoice());
    assert_eq!(at(&xml, "NetPriceProductTradePrice/ChargeAmount"), ["49", "0.02", "90", "0.12", "0.005"]);
    assert_eq!(at(&xml, "NetPriceProductTradePrice/BasisQuantity"), ["12500"]);
    // A minimum of 10.00 without usage, credits of 4.00 for -10 posts and of 6.00 for one, and nothing at all.
    let xml = self::xml(&fixtures::components());
    assert_eq!(at(&xml, "SpecifiedLineTradeDelivery/BilledQuantity"), ["1", "-10", "-1", "1"]);
    assert_eq!(at(&xml, "NetPriceProductTradePrice/ChargeAmount"), ["10", "4", "6", "0"]);
}

#[test]
fn a_credit_note_names_what_it_corrects_and_asks_for_nothing() {
    let xml = xml(&fixtures::credit_note());
    assert_eq!(at(&xml, "ExchangedDocument/TypeCode"), ["381"]);
    assert_eq!(at(&xml, "InvoiceReferencedDocument/IssuerAssignedID"), ["2026-000042"]);
    assert_eq!(at(&xml, "InvoiceReferencedDocument/FormattedIssueDateTime/DateTimeString"), ["20261201"]);
    assert!(!xml.contains("IBANID") && !xml.contains("Pay online"), "{xml}");
}

#[test]
fn what_is_not_taxed_says_why() {
    let xml = xml(&fixtures::all_taxed(untaxed(TaxCategory::ReverseCharge)));
    let tax = "ApplicableHeaderTradeSettlement/ApplicableTradeTax";
    let found = |name: &str| at(&xml, &format!("{tax}/{name}")).concat();
    assert_eq!(["CategoryCode", "ExemptionReasonCode", "RateApplicablePercent"].map(found), ["AE", "VATEX-EU-AE", "0"]);
    assert!(found("ExemptionReason").starts_with("Reverse charge"));
    assert!(!self::xml(&fixtures::not_subject()).contains("RateApplicablePercent"));
}

#[test]
fn what_a_text_says_is_never_markup() {
    let mut invoice = fixtures::invoice();
    invoice.buyer.name = "Smith & Sons <b>\"Ltd\"</b>\u{0}\u{1b}[31m\u{202e}".into();
    let xml = xml(&invoice);
    validate(&xml);
    assert!(xml.contains("<ram:Name>Smith &amp; Sons &lt;b&gt;&quot;Ltd&quot;&lt;/b&gt; [31m</ram:Name>"), "{xml}");
}
