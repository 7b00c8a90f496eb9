//! What discounts and minimum spends come to. Pure: the same usage of a period always gives the same.

use super::{AdjustmentKind, plus};
use crate::{calendar::Span, pricing::TooLarge};
use chrono::{DateTime, Utc};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How much less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reduction {
    Percent(Decimal),
    /// At most so much a period, in the currency's minor unit.
    Fixed(i64),
}

/// When something holds: of periods that end after `begin_at` and not after `end_at`.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    pub begin_at: DateTime<Utc>,
    pub end_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
pub struct Discount {
    pub id: Uuid,
    pub title: String,
    /// Of this service only.
    pub service: Option<String>,
    pub reduction: Reduction,
    pub validity: Validity,
}

#[derive(Clone, Debug)]
pub struct MinimumSpend {
    pub id: Uuid,
    pub amount_minor: i64,
    pub validity: Validity,
}

/// What one of them does to all that was used in a period.
#[derive(Debug, PartialEq)]
pub struct Step<'a> {
    pub kind: AdjustmentKind,
    pub source_id: Uuid,
    pub title: &'a str,
    /// Of a discount that is only of this service.
    pub service: Option<&'a str>,
    pub base_minor: i64,
    pub amount_minor: i64,
}

pub const MINIMUM_SPEND: &str = "Minimum spend";

impl Validity {
    pub fn holds(&self, period: Span) -> bool {
        self.begin_at < period.until && self.end_at.is_none_or(|end| period.until <= end)
    }
}

impl Reduction {
    /// What is taken off `base`, rounded half away from zero; never more than there is.
    fn of(self, base: i64) -> i64 {
        let off = match self {
            Self::Fixed(amount) => amount,
            Self::Percent(percent) => {
                let exact = Decimal::from(base) * percent / Decimal::ONE_HUNDRED;
                exact.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64().unwrap_or(base)
            }
        };
        off.clamp(0, base.max(0))
    }
}

/// What each does to a period in which `of_services` was used, in their order. Discounts come in the order in which they
/// were granted.
pub fn steps<'a>(
    discounts: &'a [Discount],
    minimum: Option<&MinimumSpend>,
    period: Span,
    of_services: &BTreeMap<String, i64>,
) -> Result<Vec<Step<'a>>, TooLarge> {
    let (mut left, mut steps) = (of_services.clone(), Vec::new());
    let holding = || discounts.iter().filter(|discount| discount.validity.holds(period));
    let mut step = |discount: &'a Discount, base_minor| {
        let amount_minor = -discount.reduction.of(base_minor);
        let Discount { id: source_id, title, service, .. } = discount;
        let (kind, service) = (AdjustmentKind::Discount, service.as_deref());
        steps.push(Step { kind, source_id: *source_id, title, service, base_minor, amount_minor });
        amount_minor
    };
    for discount in holding() {
        if let Some(of_service) = discount.service.as_ref().and_then(|service| left.get_mut(service)) {
            *of_service += step(discount, *of_service);
        }
    }
    let mut total = left.into_values().try_fold(0, plus)?;
    for discount in holding().filter(|discount| discount.service.is_none()) {
        total += step(discount, total);
    }
    if let Some(minimum) = minimum.filter(|minimum| minimum.validity.holds(period)) {
        let (kind, source_id) = (AdjustmentKind::MinimumSpend, minimum.id);
        let amount_minor = minimum.amount_minor.checked_sub(total).ok_or(TooLarge)?.max(0);
        steps.push(Step { kind, source_id, title: MINIMUM_SPEND, service: None, base_minor: total, amount_minor });
    }
    Ok(steps)
}

#[cfg(test)]
#[path = "rules/tests.rs"]
mod tests;
