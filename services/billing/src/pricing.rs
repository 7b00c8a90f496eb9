//! Charge models: how a quantity becomes an exact amount. Pure: the same charge and quantity always give the same
//! components, so that anybody can check a bill later.
//!
//! Amounts stay exact until [`amount_minor`] rounds a line once.

mod amount;
mod checks;
mod component;
mod exact;
mod json;
mod price;
mod seconds;
#[cfg(test)]
mod tests;
mod tiers;

#[cfg(test)]
pub use {amount::Amount, checks::Problem, price::Quantity};
pub use {
    amount::amount_minor,
    checks::Invalid,
    component::{Component, Part, total},
    exact::{TooLarge, add},
    price::NegativeQuantity,
    seconds::billable_seconds,
    tiers::Tier,
};

use json::ChargeJson;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What a rate costs by quantity, checked; it is stored with the rate as JSON. All amounts are in major units of the
/// rate's currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ChargeJson", into = "ChargeJson")]
pub struct Charge {
    model: Model,
    /// Free quantity of a period, taken away before the model prices the rest; tiers count from there.
    included: Decimal,
    /// What a period costs at least.
    minimum: Decimal,
}

/// The charge models of the field (Stripe, Lago, OpenMeter).
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    /// One amount a period, whatever was used.
    Flat {
        amount: Decimal,
    },
    PerUnit {
        price: Decimal,
    },
    /// Each unit at the price of the tier it falls into.
    Graduated {
        tiers: Vec<Tier>,
    },
    /// All units at the price of the tier that the whole quantity falls into.
    Volume {
        tiers: Vec<Tier>,
    },
    /// Whole packages of `size` units; one that was begun counts.
    Package {
        size: Decimal,
        price: Decimal,
    },
    /// Time of use, prorated by the second: the quantity is seconds, the price is of an hour. The minimum is of each
    /// interval, so [`billable_seconds`] adds it, not [`Charge::price`].
    PerHour {
        price: Decimal,
        minimum_seconds: u32,
    },
}

impl Charge {
    /// The only way to a charge; `included` and `minimum` are zero where there is none.
    pub fn new(model: Model, included: Decimal, minimum: Decimal) -> Result<Self, Invalid> {
        let included = checks::number("included", included)?;
        let minimum = checks::number("minimum", minimum)?;
        let model = match model {
            Model::Flat { amount } => {
                // Neither could change a fixed amount: whoever writes them meant something else.
                checks::none_of_flat("included", included)?;
                checks::none_of_flat("minimum", minimum)?;
                Model::Flat { amount: checks::number("amount", amount)? }
            }
            Model::PerUnit { price } => Model::PerUnit { price: checks::number("price", price)? },
            Model::Graduated { tiers } => Model::Graduated { tiers: tiers::checked(tiers)? },
            Model::Volume { tiers } => Model::Volume { tiers: tiers::checked(tiers)? },
            Model::Package { size, price } => {
                let size = checks::above("size", checks::number("size", size)?, Decimal::ZERO)?;
                Model::Package { size, price: checks::number("price", price)? }
            }
            Model::PerHour { price, minimum_seconds } => {
                checks::minimum_seconds(minimum_seconds)?;
                Model::PerHour { price: checks::number("price", price)?, minimum_seconds }
            }
        };
        Ok(Self { model, included, minimum })
    }

    pub fn is_per_hour(&self) -> bool {
        matches!(self.model, Model::PerHour { .. })
    }

    /// Whether any two parts of a quantity cost together what they cost as one.
    pub fn is_linear(&self) -> bool {
        let per_one = match self.model {
            Model::PerUnit { .. } => true,
            Model::PerHour { minimum_seconds, .. } => minimum_seconds == 0,
            _ => false,
        };
        per_one && self.included.is_zero() && self.minimum.is_zero()
    }

    /// What one interval of use costs at least, in seconds of it.
    pub fn minimum_seconds(&self) -> u32 {
        match self.model {
            Model::PerHour { minimum_seconds, .. } => minimum_seconds,
            _ => 0,
        }
    }
}
