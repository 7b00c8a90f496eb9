//! Tests of what a document says of VAT: as its invoice was taxed, or nothing at all.

use super::*;
use crate::{
    pricing::TooLarge,
    taxes::{TaxCategory as Category, computing},
};

/// 20.00 of one group and 3.33 of another, less 10 %, by these categories and rates.
fn taxed(country: &str, vat_id: Option<&str>, of: [(&str, Category, &str); 2]) -> Facts {
    let (charge, unit) = &charges()[1];
    let mut facts = facts(vec![priced(charge, "4000", unit), priced(charge, "666", unit)]);
    for (line, (group, ..)) in facts.lines.iter_mut().zip(&of) {
        line.tax_group = (*group).to_owned();
    }
    let discount = |(group, ..): &(&str, Category, &str), amount| Adjustment {
        tax_group: Some((*group).to_owned()),
        ..adjusted(AdjustmentKind::Discount, "Partner", amount)
    };
    facts.adjustments = vec![discount(&of[0], -200), discount(&of[1], -33)];
    facts.buyer.country = country.parse().unwrap();
    facts.buyer.vat_id = vat_id.map(|id| id.parse().unwrap());
    let lines: Vec<_> = facts.lines.iter().map(computing::Taxable::from).collect();
    let own = Span { from: facts.invoice.period_start, until: facts.invoice.period_end };
    let bases = computing::bases(own, &lines, &facts.adjustments).unwrap();
    let place = computing::Place { country: facts.buyer.country.clone(), buyer_vat_id: vat_id.map(str::to_owned) };
    let taxes = computing::taxes::<TooLarge>(&bases, &place, |group, _| {
        let (_, category, percent) = of.iter().find(|(of, ..)| *of == group).unwrap();
        Ok(computing::Applied { category: *category, percent: decimal(percent), tax_rate_id: None })
    });
    facts.taxes = taxes.unwrap();
    facts.invoice.tax_minor = facts.taxes.iter().map(|tax| tax.tax_minor).sum();
    facts.invoice.total_minor = 2333 - 233 + facts.invoice.tax_minor;
    facts
}

#[test]
fn every_way_of_taxing_has_a_document_that_en_16931_takes() {
    for (country, vat_id, of, expected) in [
        // 2000 less 200, and 333 less 33.
        (
            "DE",
            None,
            [("standard", Category::Standard, "19"), ("reduced", Category::Standard, "7")],
            vec![(TaxCategory::Standard, 1800, 342), (TaxCategory::Standard, 300, 21)],
        ),
        // Groups of one rate are one group of taxes.
        (
            "DE",
            None,
            [("standard", Category::Standard, "19"), ("digital", Category::Standard, "19.0")],
            vec![(TaxCategory::Standard, 2100, 399)],
        ),
        (
            "IE",
            None,
            [("standard", Category::Standard, "23"), ("books", Category::ZeroRated, "0")],
            vec![(TaxCategory::Standard, 1800, 414), (TaxCategory::ZeroRated, 300, 0)],
        ),
        (
            "FR",
            Some("FR40303265045"),
            [("standard", Category::ReverseCharge, "0"), ("reduced", Category::ReverseCharge, "0")],
            vec![(TaxCategory::ReverseCharge, 2100, 0)],
        ),
        (
            "US",
            Some("DE123456789"),
            [("standard", Category::NotSubject, "0"), ("reduced", Category::NotSubject, "0")],
            vec![(TaxCategory::NotSubject, 2100, 0)],
        ),
    ] {
        let facts = taxed(country, vat_id, of);
        let said = document(&issuer(VatCategory::Standard), &facts);
        let groups: Vec<_> =
            said.taxes.iter().map(|group| (group.tax.category, group.taxable_minor, group.tax_minor)).collect();
        assert_eq!(groups, expected);
        assert_eq!((said.totals.without_tax_minor, said.totals.due_minor), (2100, facts.invoice.total_minor));
        let rendered = invoice_document::render(&said).unwrap();
        assert!(rendered.xml.is_some());
        let named = country != "US";
        assert_eq!((said.seller.vat_id.is_some(), said.buyer.vat_id.is_some()), (named, named && vat_id.is_some()));
    }
}

#[test]
fn a_document_never_states_another_vat_than_the_invoice_has() {
    let standard = [("standard", Category::Standard, "19"), ("reduced", Category::Standard, "7")];
    let reverse = standard.map(|(group, ..)| (group, Category::ReverseCharge, "0"));
    let issuer = issuer(VatCategory::Standard);
    let refused = |facts: &Facts| super::super::document(&issuer, facts).unwrap_err().to_string();

    let mut moved = taxed("DE", None, standard);
    moved.buyer.country = "FR".parse().unwrap();
    assert_eq!(refused(&moved), "the invoice was taxed in DE, and its account is in FR by now");
    let mut sold = taxed("FR", Some("FR40303265045"), reverse);
    sold.buyer.vat_id = None;
    assert!(refused(&sold).contains("another VAT identifier"));
    let mut untaxed = taxed("DE", None, standard);
    untaxed.taxes = vec![];
    assert!(refused(&untaxed).contains("when its seller charged no VAT"));

    // Where nothing is charged, nothing is taxed.
    let nothing = document(&issuer, &facts(vec![]));
    assert_eq!(nothing.taxes[0].tax.category, TaxCategory::Exempt);
    assert!(invoice_document::render(&nothing).is_ok());
    // What was taxed stays taxed, whatever its seller does now.
    let exempt = document(&super::issuer(VatCategory::Exempt), &taxed("DE", None, standard));
    assert_eq!(exempt.totals.tax_minor, 363);
}
