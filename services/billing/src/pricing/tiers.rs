//! Tiers, as Stripe has them: a tier ends with `up_to`, which it includes, and may have a fee of its own.

use super::{
    checks::{self, Invalid, MAX_TIERS, Problem},
    component::{Component, Part},
    exact::{self, TooLarge},
};
use rust_decimal::Decimal;
use std::iter;

#[derive(Clone, Debug, PartialEq)]
pub struct Tier {
    /// The last quantity that belongs to it; the last tier has none.
    pub up_to: Option<Decimal>,
    /// Of one unit.
    pub price: Decimal,
    /// Charged once when the tier is reached; zero where there is no fee.
    pub flat: Decimal,
}

/// A tier begins where the one before it ends, so rising ends leave neither gaps nor overlaps.
pub fn checked(tiers: Vec<Tier>) -> Result<Vec<Tier>, Invalid> {
    if tiers.is_empty() || tiers.len() > MAX_TIERS {
        return Err(Problem::TierCount.at("tiers"));
    }
    let last = tiers.len() - 1;
    let mut begin = Decimal::ZERO;
    let check = |(index, tier): (usize, Tier)| {
        let place = |field: &str| format!("tiers[{index}].{field}");
        let up_to = match tier.up_to {
            Some(_) if index == last => return Err(Problem::LastTierEnds.at(place("up_to"))),
            None if index < last => return Err(Problem::TierWithoutEnd.at(place("up_to"))),
            None => None,
            Some(end) => {
                begin = checks::above(place("up_to"), checks::number(place("up_to"), end)?, begin)?;
                Some(begin)
            }
        };
        let (price, flat) = (checks::number(place("price"), tier.price)?, checks::number(place("flat"), tier.flat)?);
        Ok(Tier { up_to, price, flat })
    };
    tiers.into_iter().enumerate().map(check).collect()
}

/// Each unit in its own tier. The first tier is always reached: Stripe charges its fee at quantity zero, too.
pub fn graduated(tiers: &[Tier], quantity: Decimal) -> Result<Vec<Component>, TooLarge> {
    let mut components = Vec::new();
    for (number, from, tier) in numbered(tiers).filter(|(number, from, _)| *number == 1 || *from < quantity) {
        let end = tier.up_to.map_or(quantity, |up_to| up_to.min(quantity));
        tier.price(number, from, exact::subtract(end, from)?, &mut components)?;
    }
    Ok(components)
}

/// All units in the tier of the whole quantity.
pub fn volume(tiers: &[Tier], quantity: Decimal) -> Result<Vec<Component>, TooLarge> {
    let mut components = Vec::new();
    let reached = numbered(tiers).find(|(_, _, tier)| tier.up_to.is_none_or(|up_to| quantity <= up_to));
    if let Some((number, from, tier)) = reached {
        tier.price(number, from, quantity, &mut components)?;
    }
    Ok(components)
}

/// Tiers with their number, from 1, and where they begin.
fn numbered(tiers: &[Tier]) -> impl Iterator<Item = (u32, Decimal, &Tier)> {
    let begins = iter::once(Decimal::ZERO).chain(tiers.iter().filter_map(|tier| tier.up_to));
    (1..).zip(begins).zip(tiers).map(|((number, begin), tier)| (number, begin, tier))
}

impl Tier {
    fn price(
        &self,
        tier: u32,
        from: Decimal,
        quantity: Decimal,
        components: &mut Vec<Component>,
    ) -> Result<(), TooLarge> {
        let units = Part::Tier { tier, from, up_to: self.up_to };
        components.push(Component::of_units(units, quantity, self.price)?);
        if !self.flat.is_zero() {
            components.push(Component::of_units(Part::TierFlat { tier }, Decimal::ONE, self.flat)?);
        }
        Ok(())
    }
}
