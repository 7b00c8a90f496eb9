//! Tests of what a document says: whatever a line costs, EN 16931 takes it, and it says the invoice's own amounts.

mod taxation;

use super::{super::issuer::VatCategory, *};
use crate::{
    accounts::details::Details,
    adjustments::{Adjustment, AdjustmentKind},
    invoices::store::{Invoice, LineKind},
    payments::PaymentState,
    plans::Kind,
    pricing::{Charge, amount_minor, total},
    taxes::rules::Seller,
};
use contracts::id::TenantId;
use invoice_document::{Price, Tax, TaxCategory};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::types::Json;
use uuid::Uuid;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn issuer(category: VatCategory) -> Issuer {
    let (category, vat_id) = match category {
        VatCategory::Exempt => (TaxCategory::Exempt, Some("DE987654321".to_owned())),
        VatCategory::NotSubject => (TaxCategory::NotSubject, None),
        VatCategory::Standard => (TaxCategory::Standard, Some("DE987654321".to_owned())),
    };
    let address = Address {
        lines: vec!["Große Elbstraße 27".into()],
        postcode: Some("22767".into()),
        city: "Hamburg".into(),
        country: country::of_code("DE"),
    };
    let seller = Party {
        name: "Sevenleague GmbH".into(),
        address,
        vat_id,
        tax_number: None,
        registration: Some("HRB 98765, Amtsgericht Hamburg".into()),
        email: Some("billing@sevenleague.test".into()),
    };
    let transfer = invoice_document::Transfer {
        account_holder: seller.name.clone(),
        iban: "DE89370400440532013000".into(),
        bic: None,
    };
    let tax = Tax { category, rate: Decimal::ZERO };
    let vat = match category {
        TaxCategory::Standard => Vat::Charged(Seller::new("DE", "DE987654321").unwrap()),
        _ => Vat::None { tax, reason: "Because the law says so.".into() },
    };
    Issuer { seller, transfer: Some(transfer), vat }
}

/// Of what can be stated.
fn document(issuer: &Issuer, facts: &Facts) -> invoice_document::Invoice {
    super::document(issuer, facts).unwrap()
}

fn buyer() -> Details {
    Details {
        legal_name: "Acme GmbH".into(),
        address_lines: vec!["Hauptstraße 1".into()],
        postcode: Some("10115".into()),
        city: "Berlin".into(),
        country: "DE".parse().unwrap(),
        vat_id: Some("DE123456789".parse().unwrap()),
        email: None,
        order_reference: Some("PO-4711".into()),
    }
}

/// A line of so many units or seconds at a charge.
fn priced(charge: &Value, used: &str, unit: &str) -> Line {
    let charge: Charge = serde_json::from_value(charge.clone()).unwrap();
    let (used, currency) = (decimal(used), Currency::euro());
    let components = charge.price(used.try_into().unwrap()).unwrap();
    let quantity = if unit == "hour" { (used / decimal("3600")).normalize() } else { used };
    Line {
        id: Uuid::nil(),
        kind: LineKind::Usage,
        rate_kind: Kind::Meter,
        service: "forum".into(),
        name: "forum.posts".into(),
        description: format!("Forum: Posts, per {unit}"),
        period_start: at("2026-10-31T23:00:00Z"),
        period_end: at("2026-11-30T23:00:00Z"),
        quantity,
        unit: unit.into(),
        rate_id: Uuid::nil(),
        used_before: None,
        used_after: used,
        amount_minor: amount_minor(total(&components).unwrap(), &currency).unwrap(),
        currency,
        components: Json(components),
        instances: Json(vec![]),
        input_count: 1,
        input_sha256: String::new(),
        tax_group: "standard".into(),
    }
}

/// An invoice of November in Berlin.
fn facts(lines: Vec<Line>) -> Facts {
    let invoice = Invoice {
        id: Uuid::nil(),
        tenant_id: TenantId(Uuid::nil()),
        cycle_id: Uuid::nil(),
        number: Some("00000042".into()),
        currency: Currency::euro(),
        subtotal_minor: lines.iter().map(|line| line.amount_minor).sum(),
        tax_minor: 0,
        total_minor: lines.iter().map(|line| line.amount_minor).sum(),
        period_start: at("2026-10-31T23:00:00Z"),
        period_end: at("2026-11-30T23:00:00Z"),
        issued_at: at("2026-11-30T23:30:00Z"),
        payment_state: PaymentState::Open,
        due_at: Some(at("2026-12-14T23:30:00Z")),
    };
    Facts {
        invoice,
        number: "00000042".into(),
        lines,
        adjustments: vec![],
        taxes: vec![],
        due_at: at("2026-12-14T23:30:00Z"),
        paying: Paying::Transfer,
        buyer: buyer(),
        email: "ada@acme.test".into(),
        zone: "Europe/Berlin".parse().unwrap(),
    }
}

fn charges() -> Vec<(Value, &'static str)> {
    let tiers = json!([{"up_to": "10", "price": "0.0333"}, {"up_to": "100", "price": "0.01", "flat": "1.005"},
        {"price": "0.005"}]);
    vec![
        (json!({"model": "flat", "amount": "9.99"}), "post"),
        (json!({"model": "per_unit", "price": "0.005"}), "post"),
        (json!({"model": "per_unit", "price": "0.02", "included": "3", "minimum": "5"}), "GB"),
        (json!({"model": "graduated", "tiers": tiers}), "build"),
        (json!({"model": "volume", "tiers": tiers}), "page"),
        (json!({"model": "package", "size": "100", "price": "2.50"}), "mail"),
        (json!({"model": "per_hour", "price": "0.0931"}), "hour"),
    ]
}

#[test]
fn en_16931_takes_every_line_and_prices_lead_to_amounts() {
    let quantities = ["0", "1", "3", "0.25", "7", "0.333333333333", "12345.6789012345", "3601", "1000000"];
    let lines: Vec<_> =
        charges().iter().flat_map(|(charge, unit)| quantities.map(|quantity| priced(charge, quantity, unit))).collect();
    for category in [VatCategory::Exempt, VatCategory::NotSubject] {
        let document = document(&issuer(category), &facts(lines.clone()));
        let rendered = invoice_document::render(&document).unwrap();
        assert!(rendered.unprintable.is_empty() && rendered.xml.is_some());
        for (line, said) in lines.iter().zip(&document.lines) {
            assert_eq!(said.amount_minor, line.amount_minor);
            match said.price {
                Price::Unit(price) => {
                    let amount = (said.quantity * price * Decimal::ONE_HUNDRED)
                        .round_dp_with_strategy(0, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
                    assert_eq!((amount, said.details.len()), (Decimal::from(line.amount_minor), 0), "{said:?}");
                }
                Price::Components => assert_eq!(said.details.is_empty(), line.components.is_empty(), "{said:?}"),
            }
        }
        assert!(document.lines.iter().any(|line| matches!(line.price, Price::Unit(_))));
    }
}

#[test]
fn parts_are_told_where_units_cost_differently() {
    let said = |index: usize, used: &str| {
        let (charge, unit) = &charges()[index];
        document(&issuer(VatCategory::Exempt), &facts(vec![priced(charge, used, unit)])).lines.remove(0).details
    };
    assert_eq!(said(0, "7"), ["Once: EUR 9.99"]);
    assert_eq!(
        said(2, "7"),
        ["3 × GB included", "4 × GB at EUR 0.02: EUR 0.08", "Up to the minimum of EUR 5.00: EUR 4.92"]
    );
    assert_eq!(
        said(3, "1200"),
        [
            "Tier 1: 10 × build at EUR 0.0333: EUR 0.333",
            "Tier 2: 90 × build at EUR 0.01: EUR 0.90",
            "Tier 2, once: EUR 1.005",
            "Tier 3: 1,100 × build at EUR 0.005: EUR 5.50"
        ]
    );
    assert_eq!(said(5, "250"), ["3 × 100 mail at EUR 2.50: EUR 7.50"]);
    assert_eq!(said(6, "5400"), Vec::<String>::new());
}

#[test]
fn whatever_a_unit_is_called_it_has_a_document() {
    let long = "build of a large repository ".repeat(7);
    let lines: Vec<_> = charges().iter().map(|(charge, _)| priced(charge, "7", &long)).collect();
    let document = document(&issuer(VatCategory::Exempt), &facts(lines));
    assert!(invoice_document::render(&document).is_ok());
    assert!(document.lines[1].unit.name.ends_with('…') && document.lines[1].description.contains(&long));
}

fn adjusted(kind: AdjustmentKind, title: &str, amount_minor: i64) -> Adjustment {
    let (id, source_id) = (Uuid::nil(), Uuid::nil());
    let (period_start, period_end) = (at("2026-10-31T23:00:00Z"), at("2026-11-30T23:00:00Z"));
    let is_payment = matches!(kind, AdjustmentKind::Credit | AdjustmentKind::CarryForward);
    let (title, tax_group) = (title.into(), (!is_payment).then(|| "standard".into()));
    let (base_minor, before_minor) = (0, 0);
    Adjustment {
        id,
        kind,
        source_id,
        title,
        tax_group,
        period_start,
        period_end,
        base_minor,
        before_minor,
        amount_minor,
    }
}

#[test]
fn discounts_change_what_is_taxed_and_credits_pay() {
    let (charge, unit) = &charges()[1];
    // 10.00, less 2.50, up to 9.00, of which 4.00 are paid by a credit.
    let mut facts = facts(vec![priced(charge, "2000", unit)]);
    facts.adjustments = vec![
        adjusted(AdjustmentKind::Discount, "Partner, first year", -250),
        adjusted(AdjustmentKind::MinimumSpend, "Minimum spend", 150),
        adjusted(AdjustmentKind::Credit, "Sorry for November", -400),
    ];
    facts.invoice.total_minor = 500;
    let said = document(&issuer(VatCategory::Exempt), &facts);
    let totals = said.totals;
    assert_eq!((totals.lines_minor, totals.allowances_minor, totals.charges_minor), (1000, 250, 150));
    assert_eq!((totals.without_tax_minor, totals.prepaid_minor, totals.due_minor), (900, 400, 500));
    assert_eq!(said.notes, ["EUR 4.00 are paid by your credit “Sorry for November”."]);
    assert!(invoice_document::render(&said).is_ok());

    // What one discount takes off of many periods is one allowance.
    facts.adjustments = (0..120).map(|_| adjusted(AdjustmentKind::Discount, "Partner, first year", -2)).collect();
    facts.invoice.total_minor = 760;
    let said = document(&issuer(VatCategory::Exempt), &facts);
    assert_eq!(said.adjustments.iter().map(|one| one.amount_minor).collect::<Vec<_>>(), [240]);
    assert!(invoice_document::render(&said).is_ok());

    // Less than nothing is left as a credit.
    facts.adjustments = vec![adjusted(AdjustmentKind::CarryForward, "Left", 1000)];
    (facts.lines[0].amount_minor, facts.lines[0].quantity) = (-1000, decimal("-2000"));
    (facts.invoice.subtotal_minor, facts.invoice.total_minor) = (-1000, 0);
    let said = document(&issuer(VatCategory::Exempt), &facts);
    assert_eq!((said.totals.with_tax_minor, said.totals.due_minor), (-1000, 0));
    assert_eq!(said.notes, ["EUR 10.00 are left to you as a credit for later invoices."]);
    assert!(invoice_document::render(&said).is_ok());
}

#[test]
fn days_are_those_of_the_buyers_clocks_and_no_vat_identifier_is_named_where_none_may_be() {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let (charge, unit) = &charges()[1];
    let mut late = priced(charge, "3", unit);
    (late.kind, late.period_start) = (LineKind::Correction, at("2026-09-30T22:00:00Z"));
    late.period_end = at("2026-10-31T23:00:00Z");
    let lines = vec![priced(charge, "100", unit), late];
    let exempt = document(&issuer(VatCategory::Exempt), &facts(lines.clone()));
    assert_eq!(exempt.period, Some(Period { first: day("2026-11-01"), last: day("2026-11-30") }));
    assert_eq!((exempt.issued_on, exempt.due_on), (day("2026-12-01"), Some(day("2026-12-15"))));
    assert_eq!(exempt.lines[0].period, None);
    assert_eq!(exempt.lines[1].period, Some(Period { first: day("2026-10-01"), last: day("2026-10-31") }));
    assert_eq!(exempt.lines[1].details, ["Came late: the difference to what was billed"]);
    assert_eq!(exempt.buyer.vat_id.as_deref(), Some("DE123456789"));
    assert_eq!(exempt.buyer.email.as_deref(), Some("ada@acme.test"));
    let outside = document(&issuer(VatCategory::NotSubject), &facts(lines));
    assert_eq!(outside.buyer.vat_id, None);
}

#[test]
fn what_is_taken_back_and_nothing_at_all_are_invoices_too() {
    let (charge, unit) = &charges()[1];
    let mut back = priced(charge, "300", unit);
    (back.amount_minor, back.quantity) = (-back.amount_minor, -back.quantity);
    for lines in [vec![], vec![back]] {
        let document = document(&issuer(VatCategory::Exempt), &facts(lines));
        let rendered = invoice_document::render(&document).unwrap();
        assert_eq!(rendered.pdf, invoice_document::render(&document).unwrap().pdf, "the same invoice, the same bytes");
    }
}
