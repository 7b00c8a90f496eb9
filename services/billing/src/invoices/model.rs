//! Prices of usage. Pure: the same inputs always give the same line, so that anybody can check it later.

use crate::{
    plans::{Kind, Rate},
    pricing::{Charge, Component, NegativeQuantity, TooLarge, add, amount_minor, total},
    usage::counted::Counted,
};
use aws_lc_rs::digest::{Context, SHA256};
use chrono::{DateTime, SecondsFormat, Utc};
use contracts::id::InstanceId;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

const SECONDS_PER_HOUR: Decimal = Decimal::from_parts(3600, 0, 0, false, 0);

/// No line can be made of this.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Unpriceable {
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    #[error("more would be taken back than was billed: {0}")]
    Negative(#[from] NegativeQuantity),
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
        /// Seconds that are billed from `from` until `until`: those that passed, or what lacks to the rate's minimum.
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

    fn counted(&self) -> Counted {
        match self {
            Self::Interval { seconds, .. } => Counted::of(*seconds),
            Self::Event { quantity, occurred_at, .. } => Counted::of_event(*occurred_at, *quantity),
        }
    }

    /// What the hash of a line is made of: everything that decides the price, one JSON array a row, so that no text can
    /// look like two rows.
    fn canonical(&self) -> String {
        let row = match self {
            Self::Interval { id, instance_id, feature, since, from, until, .. } => {
                let times = (instant(since), instant(from), instant(until));
                serde_json::to_string(&("interval", id, instance_id, feature, times.0, times.1, times.2))
            }
            Self::Event { id, instance_id, meter, key, quantity, occurred_at, .. } => {
                let (quantity, time) = (quantity.normalize(), instant(occurred_at));
                serde_json::to_string(&("event", id, instance_id, meter, key, quantity, time))
            }
        };
        row.expect("texts are JSON") + "\n"
    }
}

fn instant(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// What one instance adds to a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OfInstance {
    pub instance_id: InstanceId,
    /// Seconds of a feature, units of a meter; by the rate's aggregation.
    #[schema(format = "decimal")]
    pub quantity: Decimal,
    /// Raw rows.
    pub inputs: i64,
}

/// Adds up raw rows, in the order of their ids.
pub struct Tally {
    hash: Context,
    by_instance: BTreeMap<InstanceId, Counted>,
}

/// What raw rows of one instance come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Sum {
    pub counted: Counted,
    pub sha256: Vec<u8>,
}

/// What earlier lines have billed of a period at a rate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Earlier {
    /// Seconds, or units.
    pub used: Decimal,
    /// The events of each instance; only known where the rate's aggregation is not a sum of sums.
    pub by_instance: BTreeMap<InstanceId, Counted>,
}

/// What a line says, before it has an id.
#[derive(Clone, Debug, PartialEq)]
pub struct Priced {
    /// In the rate's unit.
    pub quantity: Decimal,
    pub used_before: Option<Decimal>,
    pub used_after: Decimal,
    pub amount_minor: i64,
    pub components: Vec<Component>,
    pub instances: Vec<OfInstance>,
    pub inputs: i64,
    pub sha256: String,
}

impl Default for Tally {
    fn default() -> Self {
        Self { hash: Context::new(&SHA256), by_instance: BTreeMap::new() }
    }
}

impl Tally {
    pub fn add(&mut self, input: &Input) -> Result<(), TooLarge> {
        self.hash.update(input.canonical().as_bytes());
        self.by_instance.entry(input.instance_id()).or_default().add(&input.counted())
    }

    /// Adds what was added up before; the hash is of the part's hash then.
    pub fn add_part(&mut self, instance_id: InstanceId, part: &Sum) -> Result<(), TooLarge> {
        self.hash.update(&part.sha256);
        self.by_instance.entry(instance_id).or_default().add(&part.counted)
    }

    /// What the rows of one instance come to.
    pub fn finish(mut self) -> Sum {
        let counted = self.by_instance.pop_first().map_or_else(Counted::default, |(_, counted)| counted);
        Sum { counted, sha256: self.hash.finish().as_ref().to_vec() }
    }

    /// The line that these rows make at `rate`. Where earlier lines have billed some of the period, it costs what the
    /// whole costs more than they did: however usage is split over invoices, its sum is the same.
    pub fn price(self, rate: &Rate, earlier: Option<&Earlier>) -> Result<Priced, Unpriceable> {
        let new = used(&self.by_instance, rate)?;
        let used_after = match earlier {
            None => new,
            Some(earlier) if earlier.by_instance.is_empty() => add(earlier.used, new)?,
            Some(earlier) => used(&merged(&earlier.by_instance, &self.by_instance)?, rate)?,
        };
        let used_before = earlier.map(|earlier| earlier.used);
        let (components, amount_minor) = price(rate, used_before, used_after)?;
        let more = add(used_after, -used_before.unwrap_or_default())?;
        let instances = self.by_instance.iter().map(|(instance_id, counted)| OfInstance {
            instance_id: *instance_id,
            quantity: counted.by(rate.aggregation),
            inputs: counted.rows,
        });
        Ok(Priced {
            quantity: if rate.kind == Kind::Feature { (more / SECONDS_PER_HOUR).normalize() } else { more },
            used_before,
            used_after,
            amount_minor,
            components,
            inputs: self.by_instance.values().map(|counted| counted.rows).sum(),
            instances: instances.collect(),
            sha256: hex::encode(self.hash.finish()),
        })
    }
}

/// Seconds or units of all instances.
fn used(by_instance: &BTreeMap<InstanceId, Counted>, rate: &Rate) -> Result<Decimal, TooLarge> {
    by_instance.values().try_fold(Decimal::ZERO, |sum, counted| add(sum, counted.by(rate.aggregation)))
}

fn merged(
    one: &BTreeMap<InstanceId, Counted>,
    other: &BTreeMap<InstanceId, Counted>,
) -> Result<BTreeMap<InstanceId, Counted>, TooLarge> {
    let mut merged = one.clone();
    for (instance, counted) in other {
        merged.entry(*instance).or_default().add(counted)?;
    }
    Ok(merged)
}

/// The components, exact, and the amount, which is rounded as that of the whole period is: so the amounts of its lines
/// add up to that.
fn price(rate: &Rate, before: Option<Decimal>, after: Decimal) -> Result<(Vec<Component>, i64), Unpriceable> {
    let charge: &Charge = &rate.charge;
    let minor = |components: &[Component]| amount_minor(total(components)?, &rate.currency);
    let after = after.try_into()?;
    let whole = minor(&charge.price(after)?)?;
    let Some(before) = before else { return Ok((charge.price(after)?, whole)) };
    let before = before.try_into()?;
    let billed = minor(&charge.price(before)?)?;
    Ok((charge.difference(before, after)?, whole.checked_sub(billed).ok_or(TooLarge)?))
}

#[cfg(test)]
#[path = "model/tests.rs"]
mod tests;
