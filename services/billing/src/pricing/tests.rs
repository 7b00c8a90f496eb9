//! Tests of pricing: published bills, the properties that every charge has, what is refused, and the limits.

mod aws;
mod charges;
mod components;
mod corrections;
mod generator;
mod limits;
mod money;
mod properties;
mod seconds;
mod stripe;

use super::{Charge, Component, Quantity, amount_minor, total};
use crate::currency::Currency;
use rust_decimal::Decimal;
use serde_json::Value;

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

fn quantity(text: &str) -> Quantity {
    decimal(text).try_into().unwrap()
}

fn charge(json: Value) -> Charge {
    serde_json::from_value(json).unwrap()
}

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

/// The exact amounts of the components, one by one.
fn amounts(components: &[Component]) -> Vec<String> {
    components.iter().map(|component| component.amount.to_string()).collect()
}

/// The exact amount of a line.
fn exact(charge: &Charge, used: &str) -> String {
    total(&charge.price(quantity(used)).unwrap()).unwrap().to_string()
}

/// What a bill in dollars says, in cents.
fn cents(charge: &Charge, used: &str) -> i64 {
    amount_minor(total(&charge.price(quantity(used)).unwrap()).unwrap(), &currency("USD")).unwrap()
}
