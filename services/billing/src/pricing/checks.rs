//! What may stand in a charge, and how a fault is told.

use rust_decimal::Decimal;
use std::fmt;

/// Decimal places of a price or quantity; Stripe's `unit_amount_decimal` has as many.
pub const MAX_PLACES: u32 = 12;
/// A price or quantity is below it, at 10^16: with [`MAX_PLACES`] those are the 28 digits that a decimal holds.
pub const LIMIT: Decimal = Decimal::from_parts(0x6FC1_0000, 0x0023_86F2, 0, false, 0);
/// The longest public price lists have fewer than ten.
pub const MAX_TIERS: usize = 50;
/// 31 days: no minimum outlasts a monthly cycle.
pub const MAX_MINIMUM_SECONDS: u32 = 31 * 24 * 60 * 60;

/// Why something is no charge, and where: `tiers[2].up_to: must be above 100`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Invalid {
    pub place: String,
    pub problem: Problem,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    #[error("is missing")]
    Missing,
    #[error("must be a decimal of at most 28 digits, such as \"0.05\"")]
    NotADecimal,
    #[error("must not be negative")]
    Negative,
    #[error("must have at most {MAX_PLACES} decimal places")]
    TooFine,
    #[error("must be below {LIMIT}")]
    TooLarge,
    #[error("must be above {0}")]
    NotAbove(Decimal),
    #[error("must be left out: a flat charge has none")]
    NotOfFlat,
    #[error("must be 1 to {MAX_TIERS} tiers")]
    TierCount,
    #[error("is missing: only the last tier has no end")]
    TierWithoutEnd,
    #[error("must be left out: the last tier has no end")]
    LastTierEnds,
    #[error("must be at most {MAX_MINIMUM_SECONDS}")]
    MinimumTooLong,
}

impl Problem {
    pub fn at(self, place: impl fmt::Display) -> Invalid {
        Invalid { place: place.to_string(), problem: self }
    }
}

/// A price, a fee or a quantity; without trailing zeros, so that the same charge is always written the same.
pub fn number(place: impl fmt::Display, number: Decimal) -> Result<Decimal, Invalid> {
    let number = number.normalize();
    let problem = if number < Decimal::ZERO {
        Problem::Negative
    } else if number >= LIMIT {
        Problem::TooLarge
    } else if number.scale() > MAX_PLACES {
        Problem::TooFine
    } else {
        return Ok(number);
    };
    Err(problem.at(place))
}

pub fn above(place: impl fmt::Display, number: Decimal, bound: Decimal) -> Result<Decimal, Invalid> {
    if number > bound { Ok(number) } else { Err(Problem::NotAbove(bound).at(place)) }
}

pub fn none_of_flat(place: &str, number: Decimal) -> Result<(), Invalid> {
    if number.is_zero() { Ok(()) } else { Err(Problem::NotOfFlat.at(place)) }
}

pub fn minimum_seconds(seconds: u32) -> Result<(), Invalid> {
    if seconds <= MAX_MINIMUM_SECONDS { Ok(()) } else { Err(Problem::MinimumTooLong.at("minimum_seconds")) }
}
