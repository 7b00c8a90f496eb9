//! Numbers and days as English readers write them.

use crate::model::{Currency, Period, Tax, TaxCategory};
use chrono::NaiveDate;
use rust_decimal::Decimal;

/// More places of a quantity or a price say nothing to a reader; the XML has them all.
const QUANTITY_PLACES: u32 = 6;
const PRICE_PLACES: u32 = 8;

/// `1,234.50`.
pub(super) fn amount(minor: i64, currency: &Currency) -> String {
    grouped(&currency.major(minor).to_string())
}

/// `EUR 1,234.50`.
pub(super) fn money(minor: i64, currency: &Currency) -> String {
    format!("{} {}", currency.code, amount(minor, currency))
}

/// `1,234.5`.
pub fn quantity(quantity: Decimal) -> String {
    grouped(&quantity.round_dp(QUANTITY_PLACES).normalize().to_string())
}

/// With at least the places of the currency.
pub fn price(price: Decimal, currency: &Currency) -> String {
    let mut shown = price.round_dp(PRICE_PLACES).normalize();
    if shown.scale() < currency.exponent {
        shown.rescale(currency.exponent);
    }
    grouped(&shown.to_string())
}

/// `19%`, or what a category has instead.
pub(super) fn rate(tax: Tax) -> String {
    match tax.category {
        TaxCategory::NotSubject => "–".into(),
        _ => format!("{}%", tax.rate.normalize()),
    }
}

pub(super) fn tax(tax: Tax) -> String {
    match tax.category {
        TaxCategory::Standard => format!("VAT {}", rate(tax)),
        TaxCategory::ZeroRated => "Zero rated".into(),
        TaxCategory::Exempt => "Exempt from VAT".into(),
        TaxCategory::ReverseCharge => "Reverse charge".into(),
        TaxCategory::Export => "Export".into(),
        TaxCategory::NotSubject => "Not subject to VAT".into(),
    }
}

/// `1 November 2026`.
pub(super) fn day(date: NaiveDate) -> String {
    date.format("%-d %B %Y").to_string()
}

/// `1 Nov 2026 – 30 Nov 2026`.
pub(super) fn period(period: Period) -> String {
    let short = |date: NaiveDate| date.format("%-d %b %Y").to_string();
    if period.first == period.last {
        short(period.first)
    } else {
        format!("{} – {}", short(period.first), short(period.last))
    }
}

/// In groups of four, as on a bank's form (ISO 13616).
pub(super) fn iban(iban: &str) -> String {
    let groups: Vec<_> = iban.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    groups.join(" ")
}

/// Commas between thousands.
fn grouped(number: &str) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("-", number));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut out = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str, exponent: u32) -> Currency {
        Currency { code: code.into(), exponent }
    }

    #[test]
    fn amounts_have_the_places_of_their_currency() {
        let eur = currency("EUR", 2);
        assert_eq!(
            [5, -123_456, 100_000_000].map(|minor| money(minor, &eur)),
            ["EUR 0.05", "EUR -1,234.56", "EUR 1,000,000.00"]
        );
        assert_eq!(money(1_234, &currency("JPY", 0)), "JPY 1,234");
        assert_eq!(money(i64::MIN, &eur), "EUR -92,233,720,368,547,758.08");
    }

    #[test]
    fn prices_and_quantities_have_the_places_that_they_need() {
        let decimal = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(
            ["2", "0.0025", "1234.5"].map(|text| price(decimal(text), &currency("EUR", 2))),
            ["2.00", "0.0025", "1,234.50"]
        );
        assert_eq!(
            ["1000", "0.333333333333", "-2.50"].map(|text| quantity(decimal(text))),
            ["1,000", "0.333333", "-2.5"]
        );
        assert_eq!(iban("DE89370400440532013000"), "DE89 3704 0044 0532 0130 00");
    }
}
