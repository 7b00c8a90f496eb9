//! What a price is made of.

use super::{
    amount::Amount,
    exact::{self, TooLarge},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One part of a price; the sum of the parts' amounts is the line's exact amount. In a correction, quantity and amount
/// are differences and may be negative.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Component {
    pub part: Part,
    /// Units, packages or seconds; 1 of what is charged once.
    #[schema(format = "decimal", example = "5")]
    pub quantity: Decimal,
    /// Price of one of them, of an hour where they are seconds; of `minimum` the floor itself.
    #[schema(format = "decimal", example = "0.02")]
    pub unit_price: Decimal,
    /// `quantity` × `unit_price`, exact; of `minimum` what lacks to the floor. A decimal, or `x/3600` where none is
    /// finite.
    #[schema(value_type = String, example = "0.1")]
    pub amount: Amount,
}

/// What a component is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Part {
    /// Free quantity.
    Included,
    /// Units that all cost the same.
    Unit,
    /// Units of one tier: those above `from`, up to and including `up_to`. Included quantity does not count.
    Tier {
        /// From 1.
        tier: u32,
        #[schema(format = "decimal")]
        from: Decimal,
        /// Absent of the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(format = "decimal")]
        up_to: Option<Decimal>,
    },
    /// The fee of one tier.
    TierFlat { tier: u32 },
    /// Packages of `size` units.
    Package {
        #[schema(format = "decimal")]
        size: Decimal,
    },
    /// Seconds, at the price of an hour.
    Hour,
    /// The amount of a flat charge.
    Flat,
    /// What lacks to the charge's minimum.
    Minimum,
}

impl Component {
    pub fn of_units(part: Part, quantity: Decimal, unit_price: Decimal) -> Result<Self, TooLarge> {
        Ok(Self { part, quantity, unit_price, amount: Amount::of_units(quantity, unit_price)? })
    }

    pub fn of_seconds(seconds: Decimal, price: Decimal) -> Result<Self, TooLarge> {
        let amount = Amount::of_seconds(seconds, price)?;
        Ok(Self { part: Part::Hour, quantity: seconds, unit_price: price, amount })
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.quantity.is_zero() && self.amount == Amount::ZERO
    }

    /// Itself less `other`, which is the same part.
    pub fn minus(self, other: &Self) -> Result<Self, TooLarge> {
        let quantity = exact::subtract(self.quantity, other.quantity)?;
        Ok(Self { quantity, amount: self.amount.minus(other.amount)?, ..self })
    }

    /// Nothing of the same part.
    pub fn nothing(&self) -> Self {
        Self { quantity: Decimal::ZERO, amount: Amount::ZERO, ..self.clone() }
    }
}

/// The exact amount of a line.
pub fn total(components: &[Component]) -> Result<Amount, TooLarge> {
    components.iter().try_fold(Amount::ZERO, |sum, component| sum.plus(component.amount))
}
