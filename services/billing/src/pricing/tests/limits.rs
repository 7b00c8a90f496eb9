//! What happens where a decimal's 28 digits, or 64 bits of minor units, end: it is said, never rounded, never a panic.

use super::{
    super::{Amount, TooLarge, amount_minor, exact},
    charge, currency, decimal, quantity,
};
use rust_decimal::Decimal;
use serde_json::json;

const FINEST: &str = "0.0000000000000000000000000001";
const LARGEST: &str = "79228162514264337593543950335";

#[test]
fn what_decimals_round_silently_is_refused() {
    let (finest, largest) = (decimal(FINEST), decimal(LARGEST));
    assert_eq!(largest.checked_add(decimal("0.1")), Some(largest));
    assert_eq!(exact::add(largest, decimal("0.1")), Err(TooLarge));
    assert_eq!(finest.checked_mul(decimal("0.1")), Some(Decimal::ZERO));
    assert_eq!(exact::multiply(finest, decimal("0.1")), Err(TooLarge));
    assert_eq!(exact::subtract(decimal("10"), finest), Err(TooLarge));
    assert_eq!(exact::subtract(decimal("7"), finest), Ok(decimal("6.9999999999999999999999999999")));
    // Divided as decimals, this is 1 package.
    assert_eq!(decimal("3.0000000000000000000000000001") / decimal("3"), Decimal::ONE);
    assert_eq!(exact::divide_up(decimal("3.0000000000000000000000000001"), decimal("3")), Ok(decimal("2")));
}

#[test]
fn the_largest_and_the_finest_amount() {
    let price = |price: &str, used: &str| charge(json!({"model": "per_unit", "price": price})).price(quantity(used));
    // An amount counts 3600ths, so the largest is a 3600th of the largest decimal.
    assert!(price("1", "22007822920628982664873319").is_ok());
    assert_eq!(price("1", "22007822920628982664873320"), Err(TooLarge));
    assert_eq!(price("2", LARGEST), Err(TooLarge));
    assert!(price("0", LARGEST).is_ok());
    assert!(price("0.000000000001", "0.0000000000000001").is_ok());
    assert_eq!(price("0.000000000001", "0.00000000000000001"), Err(TooLarge));
    // A price may have all 28 digits; then there is no room for its product.
    assert_eq!(price("9999999999999999.999999999999", "1"), Err(TooLarge));
}

#[test]
fn the_largest_bill_has_64_bits_of_minor_units() {
    let minor = |text: &str| amount_minor(Amount::try_from(text.to_owned()).unwrap(), &currency("EUR"));
    assert_eq!(minor("92233720368547758.074999"), Ok(i64::MAX));
    assert_eq!(minor("92233720368547758.075"), Err(TooLarge));
    assert_eq!(minor("-92233720368547758.084999"), Ok(i64::MIN));
    assert_eq!(minor("-92233720368547758.085"), Err(TooLarge));
    assert_eq!(minor("79228162514264337593543950335/3600"), Err(TooLarge));
}

#[test]
fn a_sum_that_has_no_decimal_is_refused() {
    let tiers = json!([{"up_to": "1", "price": "1000000000000000"}, {"price": "0.000000000001"}]);
    let fine = charge(json!({"model": "graduated", "tiers": tiers}));
    assert!(fine.price(quantity("1")).is_ok());
    assert_eq!(fine.price(quantity("1.000001")), Err(TooLarge));
}

#[test]
fn nothing_panics() {
    let tiers = json!([{"up_to": "0.000000000001", "price": "0.3", "flat": "0.7"},
        {"up_to": "9999999999999999", "price": "9999999999999999"}, {"price": "0.000000000001"}]);
    let charges = [
        json!({"model": "flat", "amount": "9999999999999999.999999999999"}),
        json!({"model": "per_unit", "price": "0.3", "included": "0.000000000001", "minimum": "9999999999999999.9"}),
        json!({"model": "graduated", "tiers": tiers, "minimum": "0.000000000001"}),
        json!({"model": "volume", "tiers": tiers, "included": "9999999999999999"}),
        json!({"model": "package", "size": "0.000000000001", "price": "1"}),
        json!({"model": "package", "size": "9999999999999999.999999999999", "price": "1"}),
        json!({"model": "per_hour", "price": "0.000000000007", "minimum_seconds": 1}),
    ];
    let used = ["0", FINEST, "0.1", "7.9228162514264337593543950335", "9999999999999999", LARGEST].map(quantity);
    for charge in charges.map(charge) {
        for before in used {
            for after in used {
                let Ok(components) = charge.difference(before, after) else { continue };
                for component in components {
                    let _rounded = amount_minor(component.amount, &currency("CLF"));
                }
            }
        }
    }
}
