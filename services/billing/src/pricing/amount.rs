//! Exact amounts of money, and the one place that rounds them.

use super::exact::{self, TooLarge};
use crate::currency::Currency;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt;

const SECONDS_PER_HOUR: Decimal = Decimal::from_parts(3600, 0, 0, false, 0);
/// How an amount is written that no decimal equals.
const PER_3600: &str = "/3600";

/// Money in major units, exact. It counts 3600ths of a unit: a second is that part of an hour, and 1/3600 is no finite
/// decimal. Written as a decimal (`"0.05"`) or, where none is finite, as a fraction (`"0.14/3600"`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Amount(Decimal);

impl Amount {
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// `quantity` units at `price` each.
    pub fn of_units(quantity: Decimal, price: Decimal) -> Result<Self, TooLarge> {
        exact::multiply(exact::multiply(quantity, price)?, SECONDS_PER_HOUR).map(Self)
    }

    /// `seconds` at `price` an hour.
    pub fn of_seconds(seconds: Decimal, price: Decimal) -> Result<Self, TooLarge> {
        exact::multiply(seconds, price).map(Self)
    }

    pub fn plus(self, other: Self) -> Result<Self, TooLarge> {
        exact::add(self.0, other.0).map(Self)
    }

    pub fn minus(self, other: Self) -> Result<Self, TooLarge> {
        exact::subtract(self.0, other.0).map(Self)
    }

    /// The finite decimal that it equals, if there is one.
    pub fn decimal(self) -> Option<Decimal> {
        // 3600 is 9 × 400, and 1/400 is 0.0025.
        let divisible = self.0.mantissa() % 9 == 0;
        divisible.then(|| exact::decimal(self.0.mantissa() / 9 * 25, self.0.scale() + 4).ok()).flatten()
    }
}

/// The amount in minor units of `currency` (ISO 4217): the only place that rounds, once, half away from zero.
pub fn amount_minor(exact: Amount, currency: &Currency) -> Result<i64, TooLarge> {
    // In integers, because a division of decimals would round before this does.
    let minor = exact.0.mantissa().checked_mul(10_i128.pow(currency.exponent())).ok_or(TooLarge)?;
    let divisor = 3600 * 10_i128.pow(exact.0.scale());
    let (whole, rest) = (minor / divisor, minor % divisor);
    let away = if 2 * rest.abs() < divisor { 0 } else { minor.signum() };
    i64::try_from(whole + away).map_err(|_| TooLarge)
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decimal() {
            Some(decimal) => decimal.fmt(f),
            None => write!(f, "{}{PER_3600}", self.0),
        }
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.to_string()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("must be an amount such as \"0.05\" or \"0.14/3600\"")]
pub struct NotAnAmount;

impl TryFrom<String> for Amount {
    type Error = NotAnAmount;
    fn try_from(text: String) -> Result<Self, NotAnAmount> {
        let (number, parts) = match text.strip_suffix(PER_3600) {
            Some(number) => (number, Decimal::ONE),
            None => (text.as_str(), SECONDS_PER_HOUR),
        };
        let number = Decimal::from_str_exact(number).map_err(|_| NotAnAmount)?;
        exact::multiply(number, parts).map(Self).map_err(|_| NotAnAmount)
    }
}
