use super::*;
use crate::{
    plans::Aggregation,
    pricing::{Amount, billable_seconds},
};
use serde_json::json;
use sqlx::types::Json;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

fn rate(kind: Kind, aggregation: Aggregation, charge: serde_json::Value) -> Rate {
    Rate {
        id: Uuid::nil(),
        plan: "forum".into(),
        version: "1.0.0".into(),
        kind,
        name: "forum".into(),
        title: "Forum".into(),
        unit: "hour".into(),
        aggregation,
        charge: Json(serde_json::from_value(charge).unwrap()),
        currency: "EUR".parse().unwrap(),
        tax_group: "standard".into(),
    }
}

fn hourly(price: &str) -> Rate {
    rate(Kind::Feature, Aggregation::Sum, json!({"model": "per_hour", "price": price}))
}

/// Ten units are free; then 10 cents each up to 20, and 5 cents each beyond.
fn tiered(aggregation: Aggregation) -> Rate {
    let tiers = json!([{"up_to": "20", "price": "0.10"}, {"price": "0.05"}]);
    rate(Kind::Meter, aggregation, json!({"model": "graduated", "tiers": tiers, "included": "10"}))
}

fn interval(number: u128, from: i64, until: i64) -> Input {
    Input::Interval {
        id: Uuid::from_u128(number),
        instance_id: InstanceId(Uuid::from_u128(number % 2)),
        feature: "forum".into(),
        host: "acme.test".into(),
        since: at(from.min(until)),
        from: at(from),
        until: at(until),
        seconds: billable_seconds(at(from.min(until)), at(from), at(until), 0),
    }
}

fn event(number: u128, quantity: &str, second: i64) -> Input {
    Input::Event {
        id: Uuid::from_u128(number),
        instance_id: InstanceId(Uuid::from_u128(number % 2)),
        meter: "forum.posts".into(),
        key: number.to_string(),
        quantity: decimal(quantity),
        occurred_at: at(second),
        received_at: at(second),
    }
}

fn tally(inputs: &[Input]) -> Tally {
    inputs.iter().fold(Tally::default(), |mut tally, input| {
        tally.add(input).unwrap();
        tally
    })
}

fn priced(inputs: &[Input], rate: &Rate, earlier: Option<&Earlier>) -> Priced {
    tally(inputs).price(rate, earlier).unwrap()
}

#[test]
fn hours_are_prorated_by_the_second_and_rounded_once() {
    let seconds = |seconds| priced(&[interval(1, 0, seconds)], &hourly("0.02"), None).amount_minor;
    // Half a cent is 900 s at 2 ct/h; a second less is not.
    assert_eq!([3600, 900, 899, 7, 2_592_000].map(seconds), [2, 1, 0, 0, 1440]);
}

#[test]
fn a_line_adds_up_its_instances_before_it_rounds() {
    // 450 s each: alone neither would cost anything.
    let priced = priced(&[interval(1, 0, 450), interval(2, 0, 450)], &hourly("0.02"), None);
    assert_eq!(
        (priced.amount_minor, priced.quantity, priced.inputs, priced.instances.len()),
        (1, decimal("0.25"), 2, 2)
    );
    assert_eq!(priced.used_after, decimal("900"));
}

#[test]
fn what_comes_late_costs_what_the_whole_costs_more() {
    let rate = tiered(Aggregation::Sum);
    let all = [event(1, "12", 0), event(2, "9", 1), event(3, "4.5", 2), event(4, "40", 3)];
    let whole = priced(&all, &rate, None);
    assert_eq!((whole.amount_minor, whole.used_before), (378, None));
    for cut in 1..all.len() {
        let first = priced(&all[..cut], &rate, None);
        let earlier = Earlier { used: first.used_after, ..Earlier::default() };
        let second = priced(&all[cut..], &rate, Some(&earlier));
        assert_eq!(first.amount_minor + second.amount_minor, whole.amount_minor, "{cut}");
        assert_eq!((second.used_before, second.used_after), (Some(first.used_after), whole.used_after));
        let exact = |components: &[Component]| total(components).unwrap();
        assert_eq!(exact(&first.components).plus(exact(&second.components)).unwrap(), exact(&whole.components));
    }
}

#[test]
fn rounding_does_not_add_up_over_corrections() {
    let rate = rate(Kind::Meter, Aggregation::Sum, json!({"model": "per_unit", "price": "0.004"}));
    let mut earlier: Option<Earlier> = None;
    let amounts = [1, 2, 3, 4, 5].map(|number| {
        let line = priced(&[event(number, "1", 0)], &rate, earlier.as_ref());
        earlier = Some(Earlier { used: line.used_after, ..Earlier::default() });
        line.amount_minor
    });
    assert_eq!(amounts, [0, 1, 0, 1, 0]);
}

#[test]
fn a_late_maximum_costs_only_what_it_exceeds() {
    let charge = json!({"model": "per_unit", "price": "1"});
    let rate = rate(Kind::Meter, Aggregation::Max, charge);
    let first = [event(2, "5", 0), event(4, "3", 1)];
    let earlier = Earlier { used: decimal("5"), by_instance: tally(&first).by_instance };
    let late = |quantity| priced(&[event(6, quantity, 2)], &rate, Some(&earlier)).amount_minor;
    assert_eq!([late("4"), late("7")], [0, 200]);
    // Another instance has a maximum of its own.
    assert_eq!(priced(&[event(7, "4", 2)], &rate, Some(&earlier)).amount_minor, 400);
}

#[test]
fn time_that_runs_backwards_is_taken_back() {
    let earlier = Earlier { used: decimal("3600"), ..Earlier::default() };
    assert_eq!(priced(&[interval(1, 1800, 0)], &hourly("1"), Some(&earlier)).amount_minor, -50);
    let more_than_was_billed = tally(&[interval(1, 3601, 0)]).price(&hourly("1"), Some(&earlier));
    assert!(matches!(more_than_was_billed, Err(Unpriceable::Negative(_))));
}

#[test]
fn the_hash_tells_every_difference_and_the_order() {
    let hash = |inputs: &[Input]| priced(inputs, &hourly("1"), None).sha256;
    let (one, two) = (interval(1, 0, 10), interval(2, 0, 10));
    assert_eq!(hash(&[one.clone(), two.clone()]), hash(&[one.clone(), two.clone()]));
    assert_ne!(hash(&[one.clone(), two.clone()]), hash(&[two, one.clone()]));
    assert_ne!(hash(&[one]), hash(&[interval(1, 0, 11)]));
    assert_eq!(hash(&[]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/// Whoever proves a line elsewhere needs the same bytes.
#[test]
fn each_row_is_hashed_as_one_line_of_json() {
    let (zeros, nought) = ("00000000-0000-0000-0000-00000000000", "2027-01-15T08:00:00.000000Z");
    let row = event(1, "2.50", 0).canonical();
    assert_eq!(row, format!("[\"event\",\"{zeros}1\",\"{zeros}1\",\"forum.posts\",\"1\",\"2.5\",\"{nought}\"]\n"));
    let feature = r#""forum","2027-01-15T08:00:00.000000Z","#;
    assert!(interval(1, 0, 10).canonical().starts_with(&format!("[\"interval\",\"{zeros}1\",\"{zeros}1\",{feature}")));
}

#[test]
fn what_no_line_can_hold_is_said() {
    let charge = json!({"model": "per_unit", "price": "9999999999999999"});
    let much = tally(&[event(1, "9999999999999999", 0)]);
    let refused = much.price(&rate(Kind::Meter, Aggregation::Sum, charge), None);
    assert_eq!(refused, Err(Unpriceable::TooLarge(TooLarge)));
}

#[test]
fn nothing_is_nothing() {
    let nothing = priced(&[], &hourly("1"), None);
    assert_eq!((nothing.amount_minor, nothing.components.len()), (0, 0));
    assert_eq!(total(&nothing.components).unwrap(), Amount::ZERO);
}
