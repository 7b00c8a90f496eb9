//! What holds for every charge.

use super::{
    super::{Amount, Charge, Component, Model, Part, Quantity, amount_minor, billable_seconds, total},
    currency,
    generator::Generator,
};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

const CASES: u64 = 2_000;

fn cases() -> impl Iterator<Item = Generator> {
    (0..CASES).map(Generator)
}

fn amount(charge: &Charge, quantity: Quantity) -> Amount {
    total(&charge.price(quantity).unwrap()).unwrap()
}

fn of(quantity: Decimal) -> Quantity {
    quantity.try_into().unwrap()
}

#[test]
fn more_never_costs_less_except_by_volume() {
    for mut generator in cases() {
        let model = generator.rising();
        let charge = generator.charge(model);
        let mut used = [generator.decimal(200, 6), generator.decimal(200, 6)];
        used.sort_unstable();
        let [less, more] = used.map(|used| amount(&charge, of(used)));
        assert!(less <= more, "{used:?} {charge:?}");
    }
}

#[test]
fn steps_add_up_to_one_step() {
    for mut generator in cases() {
        let model = generator.model();
        let charge = generator.charge(model);
        let steps: Vec<Quantity> = (0..5).map(|_| generator.quantity()).collect();
        let difference = |before, after| total(&charge.difference(before, after).unwrap()).unwrap();
        let sum = steps.windows(2).try_fold(Amount::ZERO, |sum, step| sum.plus(difference(step[0], step[1])));
        assert_eq!(sum, Ok(difference(steps[0], steps[4])), "{charge:?}");
        assert_eq!(sum, amount(&charge, steps[4]).minus(amount(&charge, steps[0])), "{charge:?}");
    }
}

#[test]
fn every_amount_can_be_recomputed_from_what_its_component_says() {
    for mut generator in cases() {
        let model = generator.model();
        let charge = generator.charge(model);
        for Component { part, quantity, unit_price, amount } in charge.price(generator.quantity()).unwrap() {
            match part {
                Part::Hour => assert_eq!(amount, Amount::of_seconds(quantity, unit_price).unwrap()),
                Part::Minimum => assert!(amount <= Amount::of_units(quantity, unit_price).unwrap()),
                _ => assert_eq!(amount, Amount::of_units(quantity, unit_price).unwrap()),
            }
        }
    }
}

#[test]
fn a_price_survives_being_stored() {
    for mut generator in cases() {
        let model = generator.model();
        let charge = generator.charge(model);
        let stored: Charge = serde_json::from_str(&serde_json::to_string(&charge).unwrap()).unwrap();
        assert_eq!(stored, charge);
        let components = stored.price(generator.quantity()).unwrap();
        let read: Vec<Component> = serde_json::from_str(&serde_json::to_string(&components).unwrap()).unwrap();
        assert_eq!(read, components);
    }
}

#[test]
fn graduated_prices_without_fees_do_not_jump() {
    let little = Decimal::new(1, 6);
    for mut generator in cases() {
        let tiers = generator.tiers(false);
        let model = Model::Graduated { tiers: tiers.clone() };
        let graduated = Charge::new(model, Decimal::ZERO, Decimal::ZERO).unwrap();
        for pair in tiers.windows(2) {
            let end = pair[0].up_to.unwrap();
            let [before, at, after] = [end - little, end, end + little].map(|used| amount(&graduated, of(used)));
            assert_eq!(at.minus(before), Amount::of_units(little, pair[0].price));
            assert_eq!(after.minus(at), Amount::of_units(little, pair[1].price));
        }
    }
}

#[test]
fn a_volume_is_its_quantity_at_the_price_of_its_tier() {
    for mut generator in cases() {
        let tiers = generator.tiers(true);
        let volume = Charge::new(Model::Volume { tiers: tiers.clone() }, Decimal::ZERO, Decimal::ZERO).unwrap();
        let used = generator.decimal(200, 6);
        let tier = tiers.iter().find(|tier| tier.up_to.is_none_or(|end| used <= end)).unwrap();
        let expected = Amount::of_units(used, tier.price).unwrap();
        assert_eq!(Ok(amount(&volume, of(used))), expected.plus(Amount::of_units(Decimal::ONE, tier.flat).unwrap()));
    }
}

#[test]
fn rounding_moves_an_amount_by_half_a_minor_unit_at_most() {
    let (cent, half) = (Decimal::new(1, 2), Amount::of_units(Decimal::new(5, 3), Decimal::ONE).unwrap());
    for mut generator in cases() {
        let exact = Amount::of_seconds(generator.decimal(100_000, 6), generator.decimal(10, 6)).unwrap();
        let exact = if generator.below(2) == 0 { exact } else { Amount::ZERO.minus(exact).unwrap() };
        let rounded = Decimal::from(amount_minor(exact, &currency("EUR")).unwrap());
        let moved = exact.minus(Amount::of_units(rounded, cent).unwrap()).unwrap();
        assert!(moved <= half && Amount::ZERO.minus(moved).unwrap() <= half, "{exact} {rounded}");
    }
}

#[test]
fn any_split_of_time_bills_the_same_seconds() {
    for mut generator in cases() {
        let mut at = || DateTime::<Utc>::from_timestamp_micros(i64::try_from(generator.below(300_000_000)).unwrap());
        let mut moments: Vec<DateTime<Utc>> = (0..8).filter_map(|_| at()).collect();
        let (begin, end) = (moments[0], (moments[1] >= moments[0]).then_some(moments[1]));
        let minimum = u32::try_from(generator.below(3) * generator.below(200)).unwrap();
        let ends = |moment: DateTime<Utc>| end.map_or(moment, |end| end.min(moment));
        let billed = |from, until| billable_seconds(begin, ends(from), ends(until), minimum);
        moments.sort_unstable();
        let split: Decimal = moments.windows(2).map(|cycle| billed(cycle[0], cycle[1])).sum();
        assert_eq!(split, billed(moments[0], moments[7]));
        let Some(end) = end else { continue };
        let used = Decimal::new(end.timestamp_micros() - begin.timestamp_micros(), 6);
        let later = end + chrono::TimeDelta::seconds(1);
        let least = if used.is_zero() { 0 } else { minimum };
        assert_eq!(billed(begin, later), used.max(Decimal::from(least)));
        assert!(moments.windows(2).all(|cycle| billed(cycle[0], cycle[1]) >= Decimal::ZERO));
    }
}
