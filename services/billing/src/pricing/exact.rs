//! Exact arithmetic. `Decimal`'s own operators round what needs more than its 28 digits, and say nothing; these refuse
//! it. Results have no trailing zeros.

use rust_decimal::Decimal;

/// A number needs more digits than a decimal holds, or an amount more than 64 bits of minor units.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("the usage or its price is larger, or finer, than a line can hold")]
pub struct TooLarge;

pub fn add(one: Decimal, other: Decimal) -> Result<Decimal, TooLarge> {
    let (one, other, places) = aligned(one, other)?;
    decimal(one.checked_add(other).ok_or(TooLarge)?, places)
}

pub fn subtract(from: Decimal, other: Decimal) -> Result<Decimal, TooLarge> {
    add(from, -other)
}

pub fn multiply(one: Decimal, other: Decimal) -> Result<Decimal, TooLarge> {
    let (one, other) = (one.normalize(), other.normalize());
    let product = one.mantissa().checked_mul(other.mantissa()).ok_or(TooLarge)?;
    decimal(product, one.scale() + other.scale())
}

/// How many of `size` hold `quantity`, which is not negative: the quotient, rounded up.
pub fn divide_up(quantity: Decimal, size: Decimal) -> Result<Decimal, TooLarge> {
    let (quantity, size, _) = aligned(quantity, size)?;
    let whole = quantity.checked_div(size).ok_or(TooLarge)?;
    let begun = i128::from(whole * size < quantity);
    decimal(whole.checked_add(begun).ok_or(TooLarge)?, 0)
}

/// The decimal `mantissa` / 10^`places`, if it has one.
pub fn decimal(mut mantissa: i128, mut places: u32) -> Result<Decimal, TooLarge> {
    while places > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        places -= 1;
    }
    Decimal::try_from_i128_with_scale(mantissa, places).map_err(|_| TooLarge)
}

/// Both as integers of the same number of decimal places.
fn aligned(one: Decimal, other: Decimal) -> Result<(i128, i128, u32), TooLarge> {
    let (one, other) = (one.normalize(), other.normalize());
    let places = one.scale().max(other.scale());
    let integer = |number: Decimal| number.mantissa().checked_mul(10_i128.pow(places - number.scale())).ok_or(TooLarge);
    Ok((integer(one)?, integer(other)?, places))
}
