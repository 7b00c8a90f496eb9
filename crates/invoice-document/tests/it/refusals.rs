//! What may not go out.

use crate::{
    fixtures::{self, STANDARD, decimal, untaxed},
    tools::validate,
};
use invoice_document::{Invoice, NotRendered, Price, Refused, Tax, TaxCategory, Transfer, render};

fn refusal(change: impl FnOnce(&mut Invoice)) -> Refused {
    let mut invoice = fixtures::invoice();
    change(&mut invoice);
    match render(&invoice) {
        Err(NotRendered::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_rule(expected: &str, change: impl FnOnce(&mut Invoice)) {
    match refusal(change) {
        Refused::Rule { rule, .. } | Refused::Arithmetic { rule, .. } => assert_eq!(rule, expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn sums_that_do_not_add_up() {
    assert_rule("BR-CO-10", |invoice| invoice.totals.lines_minor += 1);
    assert_rule("BR-CO-11", |invoice| invoice.totals.allowances_minor -= 1);
    assert_rule("BR-CO-12", |invoice| invoice.totals.charges_minor = 1);
    assert_rule("BR-CO-13", |invoice| invoice.totals.without_tax_minor += 1);
    assert_rule("BR-CO-14", |invoice| invoice.totals.tax_minor += 1);
    assert_rule("BR-CO-15", |invoice| invoice.totals.with_tax_minor += 1);
    assert_rule("BR-CO-16", |invoice| invoice.totals.due_minor += 1);
    // One cent from one group to the other: the total is right, and each of them wrong.
    assert_rule("BR-CO-17", |invoice| {
        invoice.taxes[0].tax_minor += 1;
        invoice.taxes[1].tax_minor -= 1;
    });
    assert_eq!(
        refusal(|invoice| invoice.totals.lines_minor += 1),
        Refused::Arithmetic { rule: "BR-CO-10", expected: 17_740, found: 17_741 }
    );
}

#[test]
fn sums_that_no_number_holds() {
    assert_rule("BR-CO-10", |invoice| {
        for line in &mut invoice.lines {
            (line.price, line.amount_minor) = (Price::Components, i64::MAX);
        }
    });
    assert_eq!(
        refusal(|invoice| invoice.lines[2].price = Price::Unit(rust_decimal::Decimal::MAX)),
        Refused::TooLarge { line: 3 }
    );
}

#[test]
fn amounts_that_quantity_and_price_do_not_give() {
    assert_eq!(
        refusal(|invoice| invoice.lines[1].price = Price::Unit(decimal("0.03"))),
        Refused::LineAmount { line: 2, expected: 2_160, found: 1_440 }
    );
    assert_rule("BR-27", |invoice| invoice.lines[1].price = Price::Unit(decimal("-0.02")));
}

#[test]
fn taxes_that_do_not_fit_the_lines() {
    assert_rule("BR-CO-18", |invoice| invoice.lines[0].tax = untaxed(TaxCategory::ZeroRated));
    assert_rule("BR-S-08", |invoice| invoice.lines[0].tax = invoice.lines[3].tax);
    assert_rule("BR-S-05", |invoice| *invoice = fixtures::all_taxed(Tax { rate: decimal("0"), ..STANDARD }));
    assert_rule("BR-{S,Z}-10", |invoice| invoice.taxes[0].exemption_reason = Some("none".into()));
    assert_rule("BR-CO-18", |invoice| {
        let mut empty = invoice.taxes[0].clone();
        (empty.taxable_minor, empty.tax_minor) = (0, 0);
        invoice.taxes.push(empty);
    });
    assert_rule("BR-{E,AE,G,O}-10", |invoice| {
        *invoice = fixtures::all_taxed(untaxed(TaxCategory::Exempt));
        invoice.taxes[0].exemption_reason = None;
    });
    assert_rule("BR-{Z,E,AE,G,O}-05", |invoice| {
        *invoice = fixtures::all_taxed(untaxed(TaxCategory::ReverseCharge));
        for tax in invoice.lines.iter_mut().map(|line| &mut line.tax) {
            tax.rate = STANDARD.rate;
        }
        invoice.adjustments.clear();
        *invoice = fixtures::total(invoice.clone());
    });
}

#[test]
fn parties_that_the_tax_offices_do_not_know() {
    assert_rule("BR-AE-02", |invoice| {
        *invoice = fixtures::all_taxed(untaxed(TaxCategory::ReverseCharge));
        invoice.buyer.vat_id = None;
    });
    assert_rule("BR-O-02", |invoice| *invoice = fixtures::all_taxed(untaxed(TaxCategory::NotSubject)));
    assert_rule("BR-CO-26", |invoice| (invoice.seller.vat_id, invoice.seller.registration) = (None, None));
    assert_rule("BR-{S,Z,E,AE}-02", |invoice| invoice.seller.vat_id = None);
    assert_rule("BR-CO-09", |invoice| invoice.buyer.vat_id = Some("5260250274".into()));
}

#[test]
fn what_is_missing() {
    assert_eq!(refusal(|invoice| invoice.number = " \u{200b} ".into()), Refused::Empty { field: "number" });
    assert_eq!(refusal(|invoice| invoice.buyer.name.clear()), Refused::Empty { field: "buyer" });
    assert_rule("BR-16", |invoice| invoice.lines.clear());
    assert_rule("BR-CO-25", |invoice| (invoice.due_on, invoice.payment.terms) = (None, None));
    assert_rule("BR-29", |invoice| invoice.period.as_mut().unwrap().last = fixtures::day(10, 31));
}

#[test]
fn what_is_too_much() {
    assert_eq!(
        refusal(|invoice| invoice.lines[0].description = "x".repeat(1_001)),
        Refused::TooLong { field: "line description", limit: 1_000 }
    );
    assert_eq!(
        refusal(|invoice| invoice.lines = vec![invoice.lines[0].clone(); 10_001]),
        Refused::TooMany { what: "lines", limit: 10_000 }
    );
    assert_eq!(
        refusal(|invoice| invoice.lines[0].details = vec!["x".into(); 101]),
        Refused::TooMany { what: "details of a line", limit: 100 }
    );
}

/// Nobody's name may keep an invoice from being made. These are some of each script and plane.
#[test]
fn no_character_is_refused() {
    let some: Vec<char> = ('\u{1}'..=char::MAX).step_by(61).collect();
    let mut invoice = fixtures::invoice();
    invoice.notes = some.chunks(4_000).map(|note| note.iter().collect()).collect();
    let document = render(&invoice).unwrap();
    validate(&document.xml.unwrap());
    assert!(document.unprintable.len() > 1_000);
}

#[test]
fn what_has_another_form() {
    #[track_caller]
    fn assert_malformed(expected: &str, change: impl FnOnce(&mut Invoice)) {
        match refusal(change) {
            Refused::Malformed { field, .. } => assert_eq!(field, expected),
            other => panic!("{other:?}"),
        }
    }
    let transfer =
        |change: fn(&mut Transfer)| move |invoice: &mut Invoice| change(invoice.payment.transfer.as_mut().unwrap());
    assert_malformed("IBAN", transfer(|transfer| transfer.iban = "DE89370400440532013001".into()));
    assert_malformed("BIC", transfer(|transfer| transfer.bic = Some("COBA".into())));
    assert_malformed("payment link", |invoice| invoice.payment.link = Some("javascript:alert(1)".into()));
    assert_malformed("currency", |invoice| invoice.currency.code = "eur".into());
    assert_malformed("currency", |invoice| invoice.currency.exponent = 5);
    assert_malformed("country", |invoice| invoice.buyer.address.country.code = "Poland".into());
    assert_malformed("unit", |invoice| invoice.lines[0].unit.code = "hour".into());
    assert_malformed("discount or surcharge", |invoice| invoice.adjustments[0].amount_minor = -1);
}
