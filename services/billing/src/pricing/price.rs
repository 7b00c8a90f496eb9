//! Prices of quantities, and of their corrections.

use super::{
    Charge, Model,
    amount::Amount,
    component::{Component, Part, total},
    exact::{self, TooLarge},
    tiers,
};
use rust_decimal::Decimal;

/// What was used: units, or seconds. Never negative: a correction is the difference of two prices.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Quantity(Decimal);

#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a quantity must not be negative; price a correction as the difference of two quantities")]
pub struct NegativeQuantity;

impl TryFrom<Decimal> for Quantity {
    type Error = NegativeQuantity;
    fn try_from(quantity: Decimal) -> Result<Self, NegativeQuantity> {
        if quantity < Decimal::ZERO { Err(NegativeQuantity) } else { Ok(Self(quantity.normalize())) }
    }
}

impl Charge {
    /// What `quantity` of a whole period costs, in parts, exact. Parts that say nothing are left out, so a quantity of
    /// zero is an empty list unless the charge has a flat amount, a fee of the first tier or a minimum.
    pub fn price(&self, quantity: Quantity) -> Result<Vec<Component>, TooLarge> {
        let included = quantity.0.min(self.included);
        let mut components = vec![Component::of_units(Part::Included, included, Decimal::ZERO)?];
        components.extend(self.model.price(exact::subtract(quantity.0, included)?)?);
        components.retain(|component| !component.is_empty());
        // Also proves that the parts have a sum.
        let lacking = Amount::of_units(Decimal::ONE, self.minimum)?.minus(total(&components)?)?;
        if lacking > Amount::ZERO {
            let (quantity, unit_price) = (Decimal::ONE, self.minimum);
            components.push(Component { part: Part::Minimum, quantity, unit_price, amount: lacking });
        }
        Ok(components)
    }

    /// What changes when `before` was billed and it should have been `after`: the price of `after` less the price of
    /// `before`, part by part, so also across tiers. Steps from one quantity to the next add up to one step.
    pub fn difference(&self, before: Quantity, after: Quantity) -> Result<Vec<Component>, TooLarge> {
        let mut billed = self.price(before)?;
        let mut components = Vec::new();
        for component in self.price(after)? {
            let same = billed.iter().position(|old| old.part == component.part);
            components.push(match same {
                Some(index) => component.minus(&billed.remove(index))?,
                None => component,
            });
        }
        for gone in &billed {
            components.push(gone.nothing().minus(gone)?);
        }
        components.retain(|component| !component.is_empty());
        Ok(components)
    }
}

impl Model {
    fn price(&self, quantity: Decimal) -> Result<Vec<Component>, TooLarge> {
        let component = match self {
            Self::Graduated { tiers } => return tiers::graduated(tiers, quantity),
            Self::Volume { tiers } => return tiers::volume(tiers, quantity),
            Self::Flat { amount } => Component::of_units(Part::Flat, Decimal::ONE, *amount),
            Self::PerUnit { price } => Component::of_units(Part::Unit, quantity, *price),
            Self::Package { size, price } => {
                Component::of_units(Part::Package { size: *size }, exact::divide_up(quantity, *size)?, *price)
            }
            Self::PerHour { price, .. } => Component::of_seconds(quantity, *price),
        };
        Ok(vec![component?])
    }
}
