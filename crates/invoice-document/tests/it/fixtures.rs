//! Invoices as billing will make them.

use chrono::NaiveDate;
use invoice_document::{
    Address, Adjustment, AdjustmentKind, Country, Currency, Invoice, Kind, Line, Party, Payment, Period, Price,
    Reference, Tax, TaxCategory, TaxGroup, Totals, Transfer, Unit,
};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};

pub const STANDARD: Tax = Tax { category: TaxCategory::Standard, rate: Decimal::from_parts(19, 0, 0, false, 0) };
pub const REDUCED: Tax = Tax { category: TaxCategory::Standard, rate: Decimal::from_parts(7, 0, 0, false, 0) };

pub fn untaxed(category: TaxCategory) -> Tax {
    Tax { category, rate: Decimal::ZERO }
}

pub fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).unwrap()
}

pub fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A month of a forum and a CI system: five lines, a discount, two rates, paid by transfer or by link.
pub fn invoice() -> Invoice {
    let november = Period { first: day(11, 1), last: day(11, 30) };
    let mut backup = line("Backup storage", "212.5", "GB", "0.12", 2_550, REDUCED);
    backup.details = vec!["acme.example: 112.5 GB".into(), "acme-test.example: 100 GB".into()];
    let mut posts = line("Posts", "12500", "post", "0", 9_000, STANDARD);
    posts.price = Price::Components;
    posts.details =
        vec!["First 10,000 posts at EUR 0.0080: EUR 80.00".into(), "Next 2,500 posts at EUR 0.0040: EUR 10.00".into()];
    let mut invoice = Invoice {
        kind: Kind::Invoice,
        number: "2026-000042".into(),
        issued_on: day(12, 1),
        due_on: Some(day(12, 15)),
        period: Some(november),
        currency: Currency { code: "EUR".into(), exponent: 2 },
        seller: seller(),
        buyer: buyer(),
        buyer_reference: Some("Cost centre 4711".into()),
        order_reference: Some("PO-2026-118".into()),
        lines: vec![
            line("Forum, professional plan", "1", "month", "49.00", 4_900, STANDARD),
            line("Forum: time in use", "720", "hour", "0.02", 1_440, STANDARD),
            posts,
            backup,
            line("Build minutes returned after the outage of 12 November", "-300", "minute", "0.005", -150, STANDARD),
        ],
        adjustments: vec![discount("Loyalty discount 10 % on the plan", 490, STANDARD)],
        taxes: vec![],
        totals: Totals::default(),
        payment: Payment {
            terms: Some(
                "Payable within 14 days without deduction. After that we charge the statutory interest.".into(),
            ),
            transfer: Some(Transfer {
                account_holder: "Sevenleague GmbH".into(),
                iban: "DE89370400440532013000".into(),
                bic: Some("COBADEFFXXX".into()),
            }),
            link: Some("https://pay.sevenleague.test/invoices/0197c1d2-6a40-7c3e-9d55-1b7a1c9f3e21".into()),
            reference: Some("2026-000042".into()),
        },
        notes: vec!["Questions about this invoice? Write to billing@sevenleague.test and quote its number.".into()],
    };
    for line in &mut invoice.lines[1..4] {
        line.period = Some(november);
    }
    total(invoice)
}

pub fn seller() -> Party {
    Party {
        name: "Sevenleague GmbH".into(),
        address: Address {
            lines: vec!["Große Elbstraße 27".into()],
            postcode: Some("22767".into()),
            city: "Hamburg".into(),
            country: Country { code: "DE".into(), name: "Germany".into() },
        },
        vat_id: Some("DE123456789".into()),
        tax_number: None,
        registration: Some("HRB 98765, Amtsgericht Hamburg".into()),
        email: Some("billing@sevenleague.test".into()),
    }
}

pub fn buyer() -> Party {
    Party {
        name: "Łódzkie Zakłady Żelazne Sp. z o.o.".into(),
        address: Address {
            lines: vec!["ul. Świętego Wawrzyńca 14/3".into(), "Dział księgowości".into()],
            postcode: Some("90-001".into()),
            city: "Łódź".into(),
            country: Country { code: "PL".into(), name: "Poland".into() },
        },
        vat_id: Some("PL5260250274".into()),
        tax_number: None,
        registration: None,
        email: Some("faktury@zelazne.test".into()),
    }
}

pub fn line(description: &str, quantity: &str, unit: &str, price: &str, amount_minor: i64, tax: Tax) -> Line {
    let code = match unit {
        "hour" => "HUR",
        "minute" => "MIN",
        "month" => "MON",
        "GB" => "E34",
        _ => "C62",
    };
    Line {
        description: description.into(),
        details: vec![],
        period: None,
        quantity: decimal(quantity),
        unit: Unit { code: code.into(), name: unit.into() },
        price: Price::Unit(decimal(price)),
        tax,
        amount_minor,
    }
}

pub fn discount(reason: &str, amount_minor: i64, tax: Tax) -> Adjustment {
    Adjustment { kind: AdjustmentKind::Allowance, reason: reason.into(), amount_minor, tax }
}

/// With the groups of taxes and the totals of its lines and adjustments; nothing is paid yet.
pub fn total(mut invoice: Invoice) -> Invoice {
    let mut groups: Vec<(Tax, i64)> = vec![];
    let lines = invoice.lines.iter().map(|line| (line.tax, line.amount_minor));
    let adjustments = invoice.adjustments.iter().map(|adjustment| (adjustment.tax, signed(adjustment)));
    for (tax, amount) in lines.chain(adjustments) {
        match groups.iter_mut().find(|(other, _)| *other == tax) {
            Some((_, sum)) => *sum += amount,
            None => groups.push((tax, amount)),
        }
    }
    invoice.taxes = groups.into_iter().map(|(tax, taxable_minor)| group(tax, taxable_minor)).collect();
    let of = |kind| {
        let of_kind = invoice.adjustments.iter().filter(|adjustment| adjustment.kind == kind);
        of_kind.map(|adjustment| adjustment.amount_minor).sum::<i64>()
    };
    let lines_minor = invoice.lines.iter().map(|line| line.amount_minor).sum::<i64>();
    let (allowances_minor, charges_minor) = (of(AdjustmentKind::Allowance), of(AdjustmentKind::Charge));
    let without_tax_minor = lines_minor - allowances_minor + charges_minor;
    let tax_minor = invoice.taxes.iter().map(|group| group.tax_minor).sum::<i64>();
    let with_tax_minor = without_tax_minor + tax_minor;
    invoice.totals = Totals {
        lines_minor,
        allowances_minor,
        charges_minor,
        without_tax_minor,
        tax_minor,
        with_tax_minor,
        prepaid_minor: 0,
        due_minor: with_tax_minor,
    };
    invoice
}

fn signed(adjustment: &Adjustment) -> i64 {
    if adjustment.kind == AdjustmentKind::Allowance { -adjustment.amount_minor } else { adjustment.amount_minor }
}

fn group(tax: Tax, taxable_minor: i64) -> TaxGroup {
    let exact = Decimal::from(taxable_minor) * tax.rate / Decimal::ONE_HUNDRED;
    let rounded = exact.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
    let reason = match tax.category {
        TaxCategory::Standard | TaxCategory::ZeroRated => None,
        TaxCategory::Exempt => Some("Exempt under section 19 UStG (small business)."),
        TaxCategory::ReverseCharge => {
            Some("Reverse charge: the recipient of the service owes the VAT (Article 196 of Directive 2006/112/EC).")
        }
        TaxCategory::Export => Some("Place of supply is outside of the European Union."),
        TaxCategory::NotSubject => Some("Not subject to VAT."),
    };
    TaxGroup { tax, taxable_minor, tax_minor: rounded.to_i64().unwrap(), exemption_reason: reason.map(Into::into) }
}

/// All lines and adjustments taxed alike.
pub fn all_taxed(tax: Tax) -> Invoice {
    let mut invoice = invoice();
    invoice.lines.iter_mut().for_each(|line| line.tax = tax);
    invoice.adjustments.iter_mut().for_each(|adjustment| adjustment.tax = tax);
    total(invoice)
}

/// What gives two lines of [`invoice`] back.
pub fn credit_note() -> Invoice {
    let mut credit = invoice();
    credit.kind = Kind::CreditNote { corrects: Reference { number: credit.number, issued_on: Some(credit.issued_on) } };
    credit.number = "2026-000057".into();
    credit.issued_on = day(12, 9);
    credit.due_on = None;
    credit.lines.truncate(2);
    credit.adjustments.clear();
    credit.payment.terms = Some("We transfer the amount to the account from which you paid.".into());
    credit.notes = vec!["Credited because the forum was away for three days.".into()];
    total(credit)
}

pub fn in_yen() -> Invoice {
    let mut invoice = invoice();
    invoice.currency = Currency { code: "JPY".into(), exponent: 0 };
    invoice.lines = vec![line("Forum, professional plan", "3", "month", "4900.4", 14_701, STANDARD)];
    invoice.adjustments = vec![Adjustment { kind: AdjustmentKind::Charge, ..discount("Setup", 1_000, STANDARD) }];
    invoice.payment.transfer = None;
    total(invoice)
}

/// Credits, a minimum without usage, nothing to pay.
pub fn components() -> Invoice {
    let mut invoice = invoice();
    let of = |description: &str, quantity: &str, amount| Line {
        price: Price::Components,
        ..line(description, quantity, "post", "0", amount, STANDARD)
    };
    invoice.lines =
        vec![of("Minimum", "0", 1_000), of("Credit", "-10", -400), of("Voucher", "1", -600), of("Nothing", "0", 0)];
    invoice.adjustments.clear();
    total(invoice)
}

pub fn not_subject() -> Invoice {
    let mut invoice = all_taxed(untaxed(TaxCategory::NotSubject));
    (invoice.seller.vat_id, invoice.buyer.vat_id) = (None, None);
    invoice
}

/// Every text in Greek or Cyrillic, or too long for a line.
pub fn texts() -> Invoice {
    let mut invoice = invoice();
    invoice.buyer.name = "Ελληνική Εταιρεία Τηλεπικοινωνιών Ανώνυμος Εταιρεία και Συνεργάτες του Ομίλου".into();
    invoice.buyer.address.city = "Θεσσαλονίκη".into();
    invoice.seller.name = "Объединённое общество «Семимильные сапоги» — Київська філія".into();
    invoice.lines[0].description = "Pneumonoultramicroscopicsilicovolcanoconiosis".repeat(5);
    invoice.lines[1].description = "Der Verein trägt die Kosten des Betriebs im Abrechnungszeitraum. ".repeat(14);
    invoice.lines[2].details =
        (1..=100).map(|number| format!("Instance {number} of acme.example: 125 posts")).collect();
    invoice.notes = vec!["First paragraph.\nSecond paragraph.".into(), "A sentence that is repeated. ".repeat(170)];
    invoice
}

/// So many lines, some of which take more than one line on the page.
pub fn of_lines(count: usize) -> Invoice {
    let mut invoice = invoice();
    let each = |number: usize| {
        let mut line =
            line(&format!("Forum of instance {number}, professional plan"), "720", "hour", "0.02", 1_440, STANDARD);
        line.period = number.is_multiple_of(3).then_some(Period { first: day(11, 1), last: day(11, 30) });
        line
    };
    invoice.lines = (1..=count).map(each).collect();
    total(invoice)
}

/// Everything as long and as large as it may be.
pub fn extremes() -> Invoice {
    let long =
        |length: usize| "Wide words make wide lines ".chars().cycle().take(length - 1).chain(['.']).collect::<String>();
    let mut invoice = invoice();
    for party in [&mut invoice.seller, &mut invoice.buyer] {
        (party.name, party.address.lines) = (long(200), vec![long(200); 3]);
        (party.address.city, party.address.country.name, party.address.postcode) =
            (long(200), long(200), Some(long(200)));
        (party.registration, party.email) = (Some(long(200)), Some("m".repeat(200)));
        (party.vat_id, party.tax_number) = (Some(format!("DE{}", "9".repeat(198))), Some(long(200)));
    }
    (invoice.number, invoice.buyer_reference, invoice.order_reference) =
        ("N".repeat(200), Some(long(200)), Some(long(200)));
    invoice.currency.code = "MGA".into();
    let rates = (1..=20).map(|rate| Tax { rate: decimal(&format!("{rate}.123")), ..STANDARD });
    invoice.lines = rates
        .map(|tax| line(&long(1_000), "123456789012.12345678", "hour", "10.00000001", 123_456_789_135_580, tax))
        .collect();
    for line in &mut invoice.lines {
        line.unit.name = long(50);
    }
    invoice.lines[1].details = vec![long(200); 100];
    invoice.adjustments = (0..100).map(|_| discount(&long(200), 100_000_000_000, invoice.lines[0].tax)).collect();
    invoice.payment.terms = Some(long(1_000));
    invoice.payment.link = Some(format!("https://pay.test/{}", "m".repeat(900)));
    invoice.payment.reference = Some(long(200));
    invoice.notes = vec![long(5_000); 2];
    total(invoice)
}
