//! A line of a document: what a line of the invoice costs, in quantities and prices that EN 16931 has.

use crate::{
    invoices::store::{Line, LineKind},
    pricing::{Component, Part},
};
use invoice_document::{Currency, Period, Price, Tax, Unit, shown};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};

/// Of a quantity; as many as a document shows.
const QUANTITY_PLACES: u32 = 6;
/// Of the amounts of parts, which are exact.
const AMOUNT_PLACES: u32 = 8;
/// As many as a document takes.
const MOST_DETAILS: usize = 100;
/// Of a detail and of a unit, in characters; as many as a document takes.
const LONGEST_DETAIL: usize = 200;
const LONGEST_UNIT: usize = 50;
const SECONDS_PER_HOUR: Decimal = Decimal::from_parts(3600, 0, 0, false, 0);
/// "One", of UN/ECE Recommendation 20: what has no code there is counted.
const ONE: &str = "C62";

/// The line, with a price if all its units cost the same, else with its parts. Its amount is what the invoice says.
pub fn of(line: &Line, period: Option<Period>, tax: Tax) -> invoice_document::Line {
    let currency = currency(&line.currency);
    let quantity = rounded(line.quantity, QUANTITY_PLACES);
    let price = unit_price(line, quantity, &currency);
    let late = (line.kind == LineKind::Correction).then(|| "Came late: the difference to what was billed".to_owned());
    let parts = if price.is_none() { parts(line, &currency) } else { Vec::new() };
    invoice_document::Line {
        description: line.description.clone(),
        details: late.into_iter().chain(parts).map(|text| cut(&text, LONGEST_DETAIL)).take(MOST_DETAILS).collect(),
        period,
        quantity,
        unit: unit(&line.unit),
        price: price.map_or(Price::Components, Price::Unit),
        tax,
        amount_minor: line.amount_minor,
    }
}

/// As documents know it.
pub fn currency(currency: &crate::currency::Currency) -> Currency {
    Currency { code: currency.code().to_owned(), exponent: currency.exponent() }
}

/// The line of an invoice that has none.
pub fn nothing_used(tax: Tax) -> invoice_document::Line {
    invoice_document::Line {
        description: "Nothing was used in this period".into(),
        details: Vec::new(),
        period: None,
        quantity: Decimal::ONE,
        unit: unit("period"),
        price: Price::Unit(Decimal::ZERO),
        tax,
        amount_minor: 0,
    }
}

/// What each unit costs, if the quantity as it is shown then comes to the amount.
fn unit_price(line: &Line, quantity: Decimal, currency: &Currency) -> Option<Decimal> {
    let mut said = line.components.iter().filter(|component| !component.is_empty());
    let (only, None) = (said.next()?, said.next()) else { return None };
    // BR-27: a price is not negative.
    if !matches!(only.part, Part::Unit | Part::Hour | Part::Tier { .. }) || only.unit_price.is_sign_negative() {
        return None;
    }
    let exact = quantity.checked_mul(only.unit_price)?.checked_mul(Decimal::from(10_i64.pow(currency.exponent)))?;
    (rounded(exact, 0).to_i64() == Some(line.amount_minor)).then_some(only.unit_price)
}

fn parts(line: &Line, currency: &Currency) -> Vec<String> {
    let said: Vec<_> = line.components.iter().filter(|component| !component.is_empty()).collect();
    let room = MOST_DETAILS - 2;
    let mut parts: Vec<_> = said.iter().take(room).map(|one| part(one, &line.unit, currency)).collect();
    if said.len() > room {
        parts.push(format!("and {} more parts", said.len() - room));
    }
    parts
}

fn part(component: &Component, unit: &str, currency: &Currency) -> String {
    let quantity = shown::quantity(component.quantity);
    let money = |amount| format!("{} {}", currency.code, shown::price(amount, currency));
    let (price, amount) = (money(component.unit_price), money(amount(component)));
    match &component.part {
        Part::Included => format!("{quantity} × {unit} included"),
        Part::Unit => format!("{quantity} × {unit} at {price}: {amount}"),
        Part::Tier { tier, .. } => format!("Tier {tier}: {quantity} × {unit} at {price}: {amount}"),
        Part::TierFlat { tier } => format!("Tier {tier}, once: {amount}"),
        Part::Package { size } => format!("{quantity} × {} {unit} at {price}: {amount}", shown::quantity(*size)),
        Part::Hour => {
            let hours = shown::quantity(component.quantity / SECONDS_PER_HOUR);
            format!("{hours} × hour at {price}: {amount}")
        }
        Part::Flat => format!("Once: {amount}"),
        Part::Minimum => format!("Up to the minimum of {price}: {amount}"),
    }
}

/// In major units; what no decimal equals is rounded.
fn amount(component: &Component) -> Decimal {
    let exact = component.amount.decimal();
    exact.unwrap_or_else(|| rounded(component.quantity / SECONDS_PER_HOUR * component.unit_price, AMOUNT_PLACES))
}

fn rounded(number: Decimal, places: u32) -> Decimal {
    number.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero).normalize()
}

/// With its code of UN/ECE Recommendation 20.
fn unit(name: &str) -> Unit {
    let code = match name {
        "second" => "SEC",
        "minute" => "MIN",
        "hour" => "HUR",
        "day" => "DAY",
        "week" => "WEE",
        "month" => "MON",
        "byte" => "AD",
        "kB" => "2P",
        "MB" => "4L",
        "GB" => "E34",
        "TB" => "E35",
        _ => ONE,
    };
    // The description has all of it.
    Unit { code: code.into(), name: cut(name, LONGEST_UNIT) }
}

/// The text, or its begin and an ellipsis.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
