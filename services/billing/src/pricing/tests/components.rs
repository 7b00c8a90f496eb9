//! What the parts of a price say.

use super::{
    super::{NegativeQuantity, Part, Quantity},
    amounts, charge, decimal, exact, quantity,
};
use serde_json::{Value, json};

/// Kind, quantity, unit price and amount of each component.
fn parts(json: Value, used: &str) -> Vec<[String; 4]> {
    let components = serde_json::to_value(charge(json).price(quantity(used)).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let components = components.as_array().unwrap().iter();
    components.map(|c| [&c["part"]["kind"], &c["quantity"], &c["unit_price"], &c["amount"]].map(text)).collect()
}

#[test]
fn each_model_says_what_its_parts_are() {
    let tiers = json!([{"up_to": "5", "price": "7", "flat": "3"}, {"price": "6.5"}]);
    assert_eq!(parts(json!({"model": "flat", "amount": "9.99"}), "12"), [["flat", "1", "9.99", "9.99"]]);
    assert_eq!(parts(json!({"model": "per_unit", "price": "0.02"}), "12.5"), [["unit", "12.5", "0.02", "0.25"]]);
    assert_eq!(
        parts(json!({"model": "graduated", "tiers": tiers}), "6"),
        [["tier", "5", "7", "35"], ["tier_flat", "1", "3", "3"], ["tier", "1", "6.5", "6.5"]]
    );
    assert_eq!(parts(json!({"model": "volume", "tiers": tiers}), "6"), [["tier", "6", "6.5", "39"]]);
    assert_eq!(parts(json!({"model": "package", "size": "10", "price": "2"}), "11"), [["package", "2", "2", "4"]]);
    assert_eq!(parts(json!({"model": "per_hour", "price": "0.02"}), "900"), [["hour", "900", "0.02", "0.005"]]);
}

#[test]
fn a_tier_says_where_it_is() {
    let tiers = json!([{"up_to": "5", "price": "7"}, {"up_to": "10", "price": "6"}, {"price": "5"}]);
    let components = charge(json!({"model": "graduated", "tiers": tiers})).price(quantity("10.5")).unwrap();
    let tier = |tier, from, up_to: Option<&str>| Part::Tier { tier, from: decimal(from), up_to: up_to.map(decimal) };
    let expected = [tier(1, "0", Some("5")), tier(2, "5", Some("10")), tier(3, "10", None)];
    assert_eq!(components.into_iter().map(|component| component.part).collect::<Vec<_>>(), expected);
}

#[test]
fn the_end_of_a_tier_belongs_to_it() {
    let volume = charge(json!({"model": "volume", "tiers": [{"up_to": "5", "price": "7"}, {"price": "6"}]}));
    assert_eq!(["5", "5.000001"].map(|used| exact(&volume, used)), ["35", "30.000006"]);
    let tiers = json!([{"up_to": "5", "price": "7"}, {"price": "6", "flat": "20"}]);
    let graduated = charge(json!({"model": "graduated", "tiers": tiers}));
    assert_eq!(["5", "5.000001"].map(|used| exact(&graduated, used)), ["35", "55.000006"]);
}

#[test]
fn included_quantity_is_free_and_comes_first() {
    let tiers = json!([{"up_to": "5", "price": "7"}, {"price": "6"}]);
    let json = json!({"model": "graduated", "tiers": tiers, "included": "100"});
    assert_eq!(parts(json.clone(), "40"), [["included", "40", "0", "0"]]);
    assert_eq!(parts(json, "106"), [["included", "100", "0", "0"], ["tier", "5", "7", "35"], ["tier", "1", "6", "6"]]);
}

#[test]
fn a_minimum_adds_what_lacks() {
    let json = json!({"model": "per_unit", "price": "0.5", "minimum": "5"});
    assert_eq!(parts(json.clone(), "4"), [["unit", "4", "0.5", "2"], ["minimum", "1", "5", "3"]]);
    assert_eq!(parts(json.clone(), "10"), [["unit", "10", "0.5", "5"]]);
    assert_eq!(parts(json, "0"), [["minimum", "1", "5", "5"]]);
    let hours = charge(json!({"model": "per_hour", "price": "0.02", "minimum": "1"}));
    assert_eq!(amounts(&hours.price(quantity("7")).unwrap()), ["0.14/3600", "3599.86/3600"]);
    assert_eq!(exact(&hours, "7"), "1");
}

#[test]
fn nothing_used_says_nothing() {
    let nothing: Vec<[String; 4]> = Vec::new();
    for json in [
        json!({"model": "per_unit", "price": "1", "included": "10"}),
        json!({"model": "graduated", "tiers": [{"price": "1"}]}),
        json!({"model": "volume", "tiers": [{"price": "1"}]}),
        json!({"model": "package", "size": "10", "price": "1"}),
        json!({"model": "per_hour", "price": "1", "minimum_seconds": 60}),
    ] {
        assert_eq!(parts(json, "0"), nothing);
    }
    assert_eq!(parts(json!({"model": "flat", "amount": "1"}), "0"), [["flat", "1", "1", "1"]]);
}

#[test]
fn no_price_of_a_negative_quantity() {
    assert_eq!(Quantity::try_from(decimal("-0.000001")), Err(NegativeQuantity));
    assert_eq!(Quantity::try_from(-decimal("0")), Ok(quantity("0")));
}
