//! What discounts and minimum spends come to. Pure: the same usage of a period always gives the same.

use super::{AdjustmentKind, Used, plus};
use crate::{allocation::spread, calendar::Span, pricing::TooLarge, taxes::STANDARD};
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

/// What one of them does to what was used in a period.
#[derive(Debug, PartialEq)]
pub struct Step<'a> {
    pub kind: AdjustmentKind,
    pub source_id: Uuid,
    pub title: &'a str,
    /// By tax group.
    pub parts: BTreeMap<String, StepPart>,
}

/// What a step does to one tax group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepPart {
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

/// What each does to a period in which `used` was used, in their order. Discounts come in the order in which they were
/// granted.
pub fn steps<'a>(
    discounts: &'a [Discount],
    minimum: Option<&MinimumSpend>,
    period: Span,
    used: &Used,
) -> Result<Vec<Step<'a>>, TooLarge> {
    let mut left = BTreeMap::<&str, Groups>::new();
    for ((service, group), amount) in used {
        add(left.entry(service).or_default(), group, *amount)?;
    }
    let holding = || discounts.iter().filter(|discount| discount.validity.holds(period));
    let mut steps = Vec::new();
    for discount in holding() {
        if let Some(of_service) = discount.service.as_ref().and_then(|service| left.get_mut(service.as_str())) {
            steps.push(discount.take(of_service)?);
        }
    }
    let mut all = Groups::new();
    for (group, amount) in left.values().flatten() {
        add(&mut all, group, *amount)?;
    }
    for discount in holding().filter(|discount| discount.service.is_none()) {
        steps.push(discount.take(&mut all)?);
    }
    if let Some(minimum) = minimum.filter(|minimum| minimum.validity.holds(period)) {
        let lacking = minimum.amount_minor.checked_sub(sum(&all)?).ok_or(TooLarge)?.max(0);
        let parts = spread_over(&mut all, lacking)?;
        steps.push(Step { kind: AdjustmentKind::MinimumSpend, source_id: minimum.id, title: MINIMUM_SPEND, parts });
    }
    Ok(steps)
}

/// What is left, by tax group.
type Groups = BTreeMap<String, i64>;

impl Discount {
    fn take(&self, left: &mut Groups) -> Result<Step<'_>, TooLarge> {
        let off = self.reduction.of(sum(left)?);
        let parts = spread_over(left, -off)?;
        Ok(Step { kind: AdjustmentKind::Discount, source_id: self.id, title: &self.title, parts })
    }
}

fn sum(groups: &Groups) -> Result<i64, TooLarge> {
    groups.values().copied().try_fold(0, plus)
}

fn add(groups: &mut Groups, group: &str, amount: i64) -> Result<(), TooLarge> {
    let left = groups.entry(group.to_owned()).or_default();
    *left = plus(*left, amount)?;
    Ok(())
}

/// Adds an amount to groups by what each has, if that is more than nothing; by the largest remainder. Where none has, it
/// is of the standard one.
fn spread_over(groups: &mut Groups, amount_minor: i64) -> Result<BTreeMap<String, StepPart>, TooLarge> {
    if groups.values().all(|left| *left <= 0) {
        groups.entry(STANDARD.to_owned()).or_default();
    }
    let is_any = groups.values().any(|left| *left > 0);
    let weight = |(group, left): (&String, &i64)| if is_any { (*left).max(0) } else { i64::from(group == STANDARD) };
    let amounts = spread(amount_minor, &groups.iter().map(weight).collect::<Vec<_>>());
    let mut parts = BTreeMap::new();
    for ((group, left), amount_minor) in groups.iter_mut().zip(amounts) {
        parts.insert(group.clone(), StepPart { base_minor: *left, amount_minor });
        *left = plus(*left, amount_minor)?;
    }
    Ok(parts)
}

#[cfg(test)]
#[path = "rules/tests.rs"]
mod tests;
