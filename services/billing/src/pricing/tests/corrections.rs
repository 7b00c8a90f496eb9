//! What a correction says.

use super::{super::Component, amounts, charge, quantity};
use serde_json::{Value, json};

fn correction(json: Value, before: &str, after: &str) -> Vec<Component> {
    charge(json).difference(quantity(before), quantity(after)).unwrap()
}

fn quantities(components: &[Component]) -> Vec<String> {
    components.iter().map(|component| component.quantity.to_string()).collect()
}

fn tiers(model: &str) -> Value {
    let tiers = json!([{"up_to": "5", "price": "7"}, {"up_to": "10", "price": "6.5", "flat": "20"}, {"price": "6"}]);
    json!({"model": model, "tiers": tiers})
}

#[test]
fn a_correction_goes_back_through_the_tiers() {
    let components = correction(tiers("graduated"), "12", "4");
    assert_eq!(quantities(&components), ["-1", "-5", "-1", "-2"]);
    assert_eq!(amounts(&components), ["-7", "-32.5", "-20", "-12"]);
}

#[test]
fn usage_that_came_late_is_added_where_it_falls() {
    let components = correction(tiers("graduated"), "4", "6");
    assert_eq!(quantities(&components), ["1", "1", "1"]);
    assert_eq!(amounts(&components), ["7", "6.5", "20"]);
}

#[test]
fn a_volume_moves_as_a_whole() {
    let components = correction(tiers("volume"), "5", "6");
    assert_eq!(quantities(&components), ["6", "1", "-5"]);
    assert_eq!(amounts(&components), ["39", "20", "-35"]);
}

#[test]
fn a_minimum_is_filled_before_more_is_charged() {
    let json = json!({"model": "per_unit", "price": "1", "minimum": "5"});
    assert_eq!(amounts(&correction(json.clone(), "2", "4")), ["2", "-2"]);
    assert_eq!(amounts(&correction(json, "4", "7")), ["3", "-1"]);
}

#[test]
fn a_package_that_was_begun_takes_more() {
    let json = json!({"model": "package", "size": "10", "price": "2"});
    assert!(correction(json.clone(), "11", "19").is_empty());
    assert_eq!(amounts(&correction(json, "19", "21")), ["2"]);
}

#[test]
fn no_change_says_nothing() {
    for json in [tiers("graduated"), tiers("volume"), json!({"model": "flat", "amount": "1"})] {
        assert!(correction(json, "7", "7").is_empty());
    }
    assert!(correction(json!({"model": "flat", "amount": "1"}), "7", "8").is_empty());
}
