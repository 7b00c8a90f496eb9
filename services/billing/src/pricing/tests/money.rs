//! Exact amounts, and how they are rounded.

use super::{
    super::{Amount, TooLarge, amount_minor},
    charge, currency, decimal, exact,
};
use serde_json::json;

fn amount(text: &str) -> Amount {
    text.to_owned().try_into().unwrap()
}

fn minor(text: &str, code: &str) -> Result<i64, TooLarge> {
    amount_minor(amount(text), &currency(code))
}

#[test]
fn money_is_rounded_half_away_from_zero() {
    let rounded = ["0.004", "0.005", "0.015", "0.025", "-0.005", "-0.004", "-0.025"].map(|text| minor(text, "EUR"));
    assert_eq!(rounded, [0, 1, 2, 3, -1, 0, -3].map(Ok));
}

#[test]
fn each_currency_has_its_minor_unit() {
    let rounded = ["EUR", "JPY", "KWD", "CLF"].map(|code| minor("3.01505", code));
    assert_eq!(rounded, [302, 3, 3015, 30151].map(Ok));
}

#[test]
fn a_second_is_exact() {
    let hours = charge(json!({"model": "per_hour", "price": "0.02"}));
    assert_eq!(["7", "9", "3600"].map(|seconds| exact(&hours, seconds)), ["0.14/3600", "0.00005", "0.02"]);
    // 3 × 1/3 of a cent, which no decimal equals, is a cent.
    let third = Amount::of_seconds(decimal("600"), decimal("0.02")).unwrap();
    assert_eq!(third.decimal(), None);
    assert_eq!(third.plus(third).unwrap().plus(third).unwrap().decimal(), Some(decimal("0.01")));
}

#[test]
fn less_than_half_is_never_rounded_up() {
    // Half a cent is 900 s at 2 ct/h; a microsecond less is not, nor is the finest amount below it.
    let seconds = |seconds| Amount::of_seconds(decimal(seconds), decimal("0.02")).unwrap();
    let rounded = ["900", "899.999999", "899.99999999999999999999"].map(|s| amount_minor(seconds(s), &currency("EUR")));
    assert_eq!(rounded, [1, 0, 0].map(Ok));
    assert_eq!(minor("17.9999999999999999999999999/3600", "EUR"), Ok(0));
    assert_eq!(minor("18/3600", "EUR"), Ok(1));
}

#[test]
fn an_amount_is_written_exactly() {
    for text in ["0", "0.05", "-12.5", "0.14/3600", "-3599.86/3600", "79228162514264337593543950335/3600"] {
        let written = serde_json::to_value(amount(text)).unwrap();
        assert_eq!(written, text);
        assert_eq!(serde_json::from_value::<Amount>(written).unwrap(), amount(text));
    }
    assert_eq!([amount("180/3600").to_string(), amount("1.50").to_string()], ["0.05", "1.5"]);
    for text in ["", "x", "1/7", "1/3600/3600", "0.00000000000000000000000000001"] {
        assert!(Amount::try_from(text.to_owned()).is_err(), "{text}");
    }
}
