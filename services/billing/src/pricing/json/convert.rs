//! Between a charge and its JSON.

use super::{
    super::{
        Charge, Model, Tier,
        checks::{Invalid, Problem},
    },
    ChargeJson, TierJson,
};
use rust_decimal::Decimal;
use std::fmt;

impl TryFrom<ChargeJson> for Charge {
    type Error = Invalid;
    fn try_from(json: ChargeJson) -> Result<Self, Invalid> {
        use ChargeJson::{Flat, Graduated, Package, PerHour, PerUnit, Volume};
        let (model, included, minimum) = match json {
            Flat { amount } => (Model::Flat { amount: number("amount", &amount)? }, None, None),
            PerUnit { price, included, minimum } => {
                (Model::PerUnit { price: number("price", &price)? }, included, minimum)
            }
            Graduated { tiers: list, included, minimum } => {
                (Model::Graduated { tiers: tiers(&list)? }, included, minimum)
            }
            Volume { tiers: list, included, minimum } => (Model::Volume { tiers: tiers(&list)? }, included, minimum),
            Package { size, price, included, minimum } => {
                let (size, price) = (number("size", &size)?, number("price", &price)?);
                (Model::Package { size, price }, included, minimum)
            }
            PerHour { price, minimum_seconds, included, minimum } => {
                (Model::PerHour { price: number("price", &price)?, minimum_seconds }, included, minimum)
            }
        };
        let or_zero = |place, text: Option<String>| text.map_or(Ok(Decimal::ZERO), |text| number(place, &text));
        Self::new(model, or_zero("included", included)?, or_zero("minimum", minimum)?)
    }
}

fn tiers(list: &[TierJson]) -> Result<Vec<Tier>, Invalid> {
    let tier = |(index, json): (usize, &TierJson)| {
        let field = |name: &str, text: &Option<String>| {
            let place = format!("tiers[{index}].{name}");
            text.as_ref().map(|text| number(place, text)).transpose()
        };
        Ok(Tier {
            up_to: field("up_to", &json.up_to)?,
            price: field("price", &json.price)?.ok_or_else(|| Problem::Missing.at(format!("tiers[{index}].price")))?,
            flat: field("flat", &json.flat)?.unwrap_or_default(),
        })
    };
    list.iter().enumerate().map(tier).collect()
}

/// Only digits, a point and a minus: what a person reads as one number. More than 28 digits would be rounded, so they
/// are refused.
fn number(place: impl fmt::Display, text: &str) -> Result<Decimal, Invalid> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    let number = plain.then(|| Decimal::from_str_exact(text).ok()).flatten();
    number.ok_or_else(|| Problem::NotADecimal.at(place))
}

impl From<Charge> for ChargeJson {
    fn from(charge: Charge) -> Self {
        let (included, minimum) = (unless_zero(charge.included), unless_zero(charge.minimum));
        match charge.model {
            Model::Flat { amount } => Self::Flat { amount: amount.to_string() },
            Model::PerUnit { price } => Self::PerUnit { price: price.to_string(), included, minimum },
            Model::Graduated { tiers } => {
                Self::Graduated { tiers: tiers.into_iter().map(TierJson::from).collect(), included, minimum }
            }
            Model::Volume { tiers } => {
                Self::Volume { tiers: tiers.into_iter().map(TierJson::from).collect(), included, minimum }
            }
            Model::Package { size, price } => {
                Self::Package { size: size.to_string(), price: price.to_string(), included, minimum }
            }
            Model::PerHour { price, minimum_seconds } => {
                Self::PerHour { price: price.to_string(), minimum_seconds, included, minimum }
            }
        }
    }
}

impl From<Tier> for TierJson {
    fn from(tier: Tier) -> Self {
        Self {
            up_to: tier.up_to.map(|end| end.to_string()),
            price: Some(tier.price.to_string()),
            flat: unless_zero(tier.flat),
        }
    }
}

fn unless_zero(number: Decimal) -> Option<String> {
    (!number.is_zero()).then(|| number.to_string())
}
