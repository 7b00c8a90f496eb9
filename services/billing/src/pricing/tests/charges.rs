//! What is a charge, and what is refused as one.

use super::{
    super::{
        Charge, Model, Problem,
        checks::{MAX_MINIMUM_SECONDS, MAX_TIERS},
    },
    charge, decimal,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use utoipa::PartialSchema;

fn fault(json: Value) -> String {
    serde_json::from_value::<Charge>(json.clone()).expect_err(&json.to_string()).to_string()
}

fn tiers(tiers: Value) -> Value {
    json!({"model": "graduated", "tiers": tiers})
}

#[test]
fn a_charge_is_written_as_it_was_read() {
    for json in [
        json!({"model": "flat", "amount": "9.99"}),
        json!({"model": "per_unit", "price": "0"}),
        json!({"model": "graduated", "tiers": [{"up_to": "0.5", "price": "7", "flat": "3"}, {"price": "6.5"}],
            "included": "100", "minimum": "5"}),
        json!({"model": "volume", "tiers": [{"price": "0.000000000001"}], "minimum": "5"}),
        json!({"model": "package", "size": "1000", "price": "2.5", "included": "1"}),
        json!({"model": "per_hour", "price": "0.096", "minimum_seconds": 60}),
    ] {
        assert_eq!(serde_json::to_value(charge(json.clone())).unwrap(), json);
    }
}

#[test]
fn the_same_charge_is_always_written_the_same() {
    let long = json!({"model": "per_unit", "price": "0.0500000000000000", "included": "0", "minimum": "0.0"});
    assert_eq!(serde_json::to_value(charge(long)).unwrap(), json!({"model": "per_unit", "price": "0.05"}));
    let ends = json!([{"up_to": "1.0", "price": "1", "flat": "0.0"}, {"up_to": null, "price": "1"}]);
    let short = json!([{"up_to": "1", "price": "1"}, {"price": "1"}]);
    assert_eq!(serde_json::to_value(charge(tiers(ends))).unwrap(), tiers(short));
}

#[test]
fn a_fault_names_its_place() {
    let price = |price: &str| json!({"model": "per_unit", "price": price});
    let tier = |up_to: &str| json!({"up_to": up_to, "price": "1"});
    let open = json!({"price": "1"});
    let many: Vec<Value> = (1..=MAX_TIERS).map(|end| tier(&end.to_string())).chain([open.clone()]).collect();
    for (json, expected) in [
        (price("-0.01"), "price: must not be negative"),
        (price("10000000000000000"), "price: must be below 10000000000000000"),
        (price("0.0000000000001"), "price: must have at most 12 decimal places"),
        (price("1e5"), "price: must be a decimal of at most 28 digits, such as \"0.05\""),
        (price("0.00000000000000000000000000001"), "price: must be a decimal of at most 28 digits, such as \"0.05\""),
        (json!({"model": "flat", "amount": "-1"}), "amount: must not be negative"),
        (json!({"model": "package", "size": "0", "price": "1"}), "size: must be above 0"),
        (json!({"model": "package", "size": "-1", "price": "1"}), "size: must not be negative"),
        (json!({"model": "per_unit", "price": "1", "included": "-1"}), "included: must not be negative"),
        (
            json!({"model": "per_unit", "price": "1", "minimum": "x"}),
            "minimum: must be a decimal of at most 28 digits, such as \"0.05\"",
        ),
        (
            json!({"model": "per_hour", "price": "1", "minimum_seconds": 2_678_401}),
            "minimum_seconds: must be at most 2678400",
        ),
        (tiers(json!([])), "tiers: must be 1 to 50 tiers"),
        (tiers(json!(many)), "tiers: must be 1 to 50 tiers"),
        (tiers(json!([tier("10"), tier("100"), tier("100"), open])), "tiers[2].up_to: must be above 100"),
        (tiers(json!([tier("0"), open])), "tiers[0].up_to: must be above 0"),
        (tiers(json!([open, open])), "tiers[0].up_to: is missing: only the last tier has no end"),
        (tiers(json!([tier("1"), tier("2")])), "tiers[1].up_to: must be left out: the last tier has no end"),
        (tiers(json!([{"price": "-1"}])), "tiers[0].price: must not be negative"),
        (tiers(json!([{"flat": "1"}])), "tiers[0].price: is missing"),
        (tiers(json!([tier("1"), {"price": "1", "flat": "-1"}])), "tiers[1].flat: must not be negative"),
        (tiers(json!([tier("+1"), open])), "tiers[0].up_to: must be a decimal of at most 28 digits, such as \"0.05\""),
    ] {
        assert_eq!(fault(json), expected);
    }
}

#[test]
fn the_limits_themselves_are_allowed() {
    let ends = (1..MAX_TIERS).map(|end| json!({"up_to": end.to_string(), "price": "9999999999999999.999999999999"}));
    charge(tiers(ends.chain([json!({"price": "0"})]).collect()));
    charge(json!({"model": "per_hour", "price": "0.000000000001", "minimum_seconds": MAX_MINIMUM_SECONDS}));
}

#[test]
fn what_no_model_has_is_refused() {
    for (json, expected) in [
        (json!({"price": "1"}), "missing field `model`"),
        (json!({"model": "percentage", "rate": "1"}), "unknown variant `percentage`"),
        (json!({"model": "per_unit"}), "missing field `price`"),
        (json!({"model": "per_unit", "price": "1", "prize": "1"}), "unknown field `prize`"),
        (json!({"model": "per_unit", "price": "1", "tiers": []}), "unknown field `tiers`"),
        (json!({"model": "flat", "amount": "1", "included": "1"}), "unknown field `included`"),
        (json!({"model": "flat", "amount": "1", "minimum": "1"}), "unknown field `minimum`"),
        (tiers(json!([{"price": "1", "upto": "1"}])), "unknown field `upto`"),
        (json!({"model": "per_unit", "price": 0.1}), "expected a string"),
        (json!({"model": "per_hour", "price": "1", "minimum_seconds": -1}), "expected u32"),
    ] {
        let fault = fault(json);
        assert!(fault.contains(expected), "{fault} does not say {expected}");
    }
}

#[test]
fn code_passes_the_same_checks_as_json() {
    let flat =
        |included, minimum| Charge::new(Model::Flat { amount: Decimal::ONE }, decimal(included), decimal(minimum));
    assert_eq!(flat("0", "0"), Ok(charge(json!({"model": "flat", "amount": "1.00"}))));
    assert_eq!(flat("1", "0"), Err(Problem::NotOfFlat.at("included")));
    assert_eq!(flat("0", "1").unwrap_err().to_string(), "minimum: must be left out: a flat charge has none");
}

#[test]
fn the_schema_has_a_variant_a_model() {
    let schema = serde_json::to_value(Charge::schema()).unwrap();
    let variants = schema["oneOf"].as_array().unwrap();
    let tags = variants.iter().map(|variant| variant["properties"]["model"]["enum"][0].as_str().unwrap());
    assert_eq!(tags.collect::<Vec<_>>(), ["flat", "per_unit", "graduated", "volume", "package", "per_hour"]);
}
