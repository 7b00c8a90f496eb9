//! Prices of usage. Pure: the same inputs always give the same line, so that anybody can check it later.

use crate::{
    currency::Currency,
    rates::{Kind, Rate},
};
use aws_lc_rs::digest::{Context, SHA256};
use chrono::{DateTime, SecondsFormat, Utc};
use contracts::id::InstanceId;
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

const SECONDS_PER_HOUR: Decimal = Decimal::from_parts(3600, 0, 0, false, 0);
const MICROS: u32 = 6;

/// A number is larger than a line can hold.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("the usage or its price is larger than a line can hold")]
pub struct TooLarge;

/// The price of `quantity` (seconds of a feature, units of a meter) in minor units of the rate's currency: the only
/// place that rounds money, once, half away from zero.
pub fn amount_minor(kind: Kind, quantity: Decimal, price: Decimal, currency: &Currency) -> Result<i64, TooLarge> {
    let minor = Decimal::from(10_i64.pow(currency.exponent()));
    let exact = quantity.checked_mul(price).and_then(|amount| amount.checked_mul(minor)).ok_or(TooLarge)?;
    let amount = match kind {
        Kind::Feature => exact / SECONDS_PER_HOUR,
        Kind::Meter => exact,
    };
    amount.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64().ok_or(TooLarge)
}

/// One raw row that a line is made of.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Input {
    /// A feature was in use; the line takes the part from `from` until `until`, which runs backwards where it takes
    /// back what was billed too much.
    Interval {
        id: Uuid,
        instance_id: InstanceId,
        feature: String,
        host: String,
        since: DateTime<Utc>,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        /// Seconds from `from` until `until`.
        #[schema(format = "decimal")]
        seconds: Decimal,
    },
    /// Something was counted.
    Event {
        id: Uuid,
        instance_id: InstanceId,
        meter: String,
        key: String,
        #[schema(format = "decimal")]
        quantity: Decimal,
        occurred_at: DateTime<Utc>,
        received_at: DateTime<Utc>,
    },
}

impl Input {
    pub fn id(&self) -> Uuid {
        match self {
            Self::Interval { id, .. } | Self::Event { id, .. } => *id,
        }
    }

    fn instance_id(&self) -> InstanceId {
        match self {
            Self::Interval { instance_id, .. } | Self::Event { instance_id, .. } => *instance_id,
        }
    }

    /// Seconds, or units.
    fn quantity(&self) -> Decimal {
        match self {
            Self::Interval { seconds, .. } => *seconds,
            Self::Event { quantity, .. } => *quantity,
        }
    }

    /// What the hash of a line is made of: everything that decides the price, one JSON array a row, so that no text can
    /// look like two rows.
    fn canonical(&self) -> String {
        let row = match self {
            Self::Interval { id, instance_id, feature, since, from, until, .. } => {
                json!(["interval", id, instance_id, feature, instant(since), instant(from), instant(until)])
            }
            Self::Event { id, instance_id, meter, key, quantity, occurred_at, .. } => {
                json!(["event", id, instance_id, meter, key, quantity.normalize(), instant(occurred_at)])
            }
        };
        format!("{row}\n")
    }
}

fn instant(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Seconds between two moments, exact to the microsecond; negative if `until` is before `from`.
pub fn seconds(from: DateTime<Utc>, until: DateTime<Utc>) -> Decimal {
    Decimal::new(until.timestamp_micros() - from.timestamp_micros(), MICROS)
}

/// What one instance adds to a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Component {
    pub instance_id: InstanceId,
    /// Seconds of a feature, units of a meter.
    #[schema(format = "decimal")]
    pub quantity: Decimal,
    /// Raw rows.
    pub inputs: i64,
}

/// Adds up raw rows, in the order of their ids.
pub struct Tally {
    hash: Context,
    by_instance: BTreeMap<InstanceId, Component>,
    inputs: i64,
}

/// What raw rows come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Sum {
    pub quantity: Decimal,
    pub inputs: i64,
    pub sha256: Vec<u8>,
}

/// A part of metered usage that a line bills: events of one instance, added up when their cycle was closed.
#[derive(Clone, Debug)]
pub struct PartOfLine {
    pub id: Uuid,
    pub rate_id: Uuid,
    pub instance_id: Uuid,
    pub period_start: DateTime<Utc>,
    pub period_end: DateTime<Utc>,
    pub events: i64,
    pub quantity: Decimal,
    /// Of its events.
    pub sha256: Vec<u8>,
}

/// What a line says, before it has an id.
#[derive(Clone, Debug, PartialEq)]
pub struct Priced {
    pub quantity: Decimal,
    pub amount_minor: i64,
    pub components: Vec<Component>,
    pub inputs: i64,
    pub sha256: String,
}

impl Default for Tally {
    fn default() -> Self {
        Self { hash: Context::new(&SHA256), by_instance: BTreeMap::new(), inputs: 0 }
    }
}

impl Tally {
    pub fn add(&mut self, input: &Input) -> Result<(), TooLarge> {
        self.hash.update(input.canonical().as_bytes());
        self.count(input.instance_id(), input.quantity(), 1)
    }

    /// Adds what was added up before; the hash is of the part's hash then.
    pub fn add_part(&mut self, instance_id: InstanceId, part: &Sum) -> Result<(), TooLarge> {
        self.hash.update(&part.sha256);
        self.count(instance_id, part.quantity, part.inputs)
    }

    fn count(&mut self, instance_id: InstanceId, quantity: Decimal, inputs: i64) -> Result<(), TooLarge> {
        let component = self.by_instance.entry(instance_id);
        let component = component.or_insert(Component { instance_id, quantity: Decimal::ZERO, inputs: 0 });
        component.quantity = component.quantity.checked_add(quantity).ok_or(TooLarge)?;
        component.inputs += inputs;
        self.inputs += inputs;
        Ok(())
    }

    /// What the rows of one instance come to.
    pub fn finish(self) -> Sum {
        let quantity = self.by_instance.into_values().map(|component| component.quantity).sum();
        Sum { quantity, inputs: self.inputs, sha256: self.hash.finish().as_ref().to_vec() }
    }

    /// The line that these rows make at `rate`.
    pub fn price(self, rate: &Rate) -> Result<Priced, TooLarge> {
        let components: Vec<Component> = self.by_instance.into_values().collect();
        let total = components
            .iter()
            .try_fold(Decimal::ZERO, |sum, component| sum.checked_add(component.quantity))
            .ok_or(TooLarge)?;
        let quantity = match rate.kind {
            Kind::Feature => total / SECONDS_PER_HOUR,
            Kind::Meter => total,
        };
        Ok(Priced {
            quantity: quantity.normalize(),
            amount_minor: amount_minor(rate.kind, total, rate.price, &rate.currency)?,
            components,
            inputs: self.inputs,
            sha256: hex::encode(self.hash.finish()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur() -> Currency {
        Currency::euro()
    }

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn hourly(price: &str) -> Rate {
        Rate {
            id: Uuid::nil(),
            kind: Kind::Feature,
            service: "forum".into(),
            name: "forum".into(),
            version: "1.0.0".into(),
            title: "Forum".into(),
            unit: "hour".into(),
            price: decimal(price),
            currency: eur(),
            valid_from: at(0),
        }
    }

    fn interval(number: u128, from: i64, until: i64) -> Input {
        Input::Interval {
            id: Uuid::from_u128(number),
            instance_id: InstanceId(Uuid::from_u128(number % 2)),
            feature: "forum".into(),
            host: "acme.test".into(),
            since: at(from),
            from: at(from),
            until: at(until),
            seconds: seconds(at(from), at(until)),
        }
    }

    fn tally(inputs: &[Input]) -> Tally {
        inputs.iter().fold(Tally::default(), |mut tally, input| {
            tally.add(input).unwrap();
            tally
        })
    }

    #[test]
    fn money_is_rounded_half_away_from_zero() {
        let units = |quantity: &str| amount_minor(Kind::Meter, decimal(quantity), decimal("0.01"), &eur()).unwrap();
        assert_eq!(["0.4", "0.5", "1.5", "2.5", "-0.5", "-0.4", "-2.5"].map(units), [0, 1, 2, 3, -1, 0, -3]);
    }

    #[test]
    fn each_currency_has_its_minor_unit() {
        let price =
            |code: &str| amount_minor(Kind::Meter, decimal("3"), decimal("1.005"), &code.parse().unwrap()).unwrap();
        assert_eq!([price("EUR"), price("JPY"), price("KWD")], [302, 3, 3015]);
    }

    #[test]
    fn hours_are_prorated_by_the_second_and_rounded_once() {
        let feature = |seconds: &str| amount_minor(Kind::Feature, decimal(seconds), decimal("0.02"), &eur()).unwrap();
        // Half a cent is 900 s at 2 ct/h; a microsecond less is not.
        assert_eq!(
            [feature("3600"), feature("900"), feature("899.999999"), feature("7"), feature("2592000")],
            [2, 1, 0, 0, 1440]
        );
    }

    #[test]
    fn a_line_adds_up_its_instances_before_it_rounds() {
        // 450 s each: alone neither would cost anything.
        let priced = tally(&[interval(1, 0, 450), interval(2, 0, 450)]).price(&hourly("0.02")).unwrap();
        assert_eq!(
            (priced.amount_minor, priced.quantity, priced.inputs, priced.components.len()),
            (1, decimal("0.25"), 2, 2)
        );
    }

    #[test]
    fn seconds_of_use_keep_their_quantity_though_they_cost_nothing() {
        let priced = tally(&[interval(1, 0, 7)]).price(&hourly("0.02")).unwrap();
        assert_eq!(priced.amount_minor, 0);
        assert_eq!(priced.components[0].quantity, decimal("7"));
        assert_eq!((priced.quantity * SECONDS_PER_HOUR).round_dp(20), decimal("7"));
    }

    #[test]
    fn a_part_that_runs_backwards_is_taken_back() {
        assert_eq!(tally(&[interval(1, 1800, 0)]).price(&hourly("1")).unwrap().amount_minor, -50);
    }

    #[test]
    fn the_hash_tells_every_difference_and_the_order() {
        let hash = |inputs: &[Input]| tally(inputs).price(&hourly("1")).unwrap().sha256;
        let (one, two) = (interval(1, 0, 10), interval(2, 0, 10));
        assert_eq!(hash(&[one.clone(), two.clone()]), hash(&[one.clone(), two.clone()]));
        assert_ne!(hash(&[one.clone(), two.clone()]), hash(&[two, one.clone()]));
        assert_ne!(hash(&[one]), hash(&[interval(1, 0, 11)]));
        assert_eq!(hash(&[]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn what_no_line_can_hold_is_said() {
        assert_eq!(amount_minor(Kind::Meter, Decimal::MAX, decimal("2"), &eur()), Err(TooLarge));
        assert_eq!(amount_minor(Kind::Meter, decimal("1000000000000000000"), decimal("1"), &eur()), Err(TooLarge));
    }
}
