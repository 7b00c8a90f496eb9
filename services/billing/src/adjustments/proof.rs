//! Proofs of adjustments: what was agreed on is applied once more to what the lines say.

use super::{
    Adjustment, AdjustmentKind, Totals,
    making::of_periods,
    store::{agreements, given, list, totals},
};
use crate::{calendar::Span, currency::Currency};
use common::db::TenantTx;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Whether discounts and minimum spends of an invoice are those that its lines, and those of earlier invoices, come to.
/// It is of the cycle that was cut at `cut`, whose period is `own`.
pub async fn are_equal(
    tx: &mut TenantTx,
    invoice: Uuid,
    currency: &Currency,
    own: Span,
    cut: i64,
) -> sqlx::Result<bool> {
    let mut stored = list(tx, invoice).await?;
    stored.retain(|adjustment| matches!(adjustment.kind, AdjustmentKind::Discount | AdjustmentKind::MinimumSpend));
    let mut periods: BTreeSet<_> = super::store::periods(tx, invoice).await?.into_iter().collect();
    periods.insert(own);
    let mut used: Totals = periods.iter().map(|period| (*period, Default::default())).collect();
    for (period, of_what, amount) in totals(tx, &periods.into_iter().collect::<Vec<_>>(), cut).await? {
        used.entry(period).or_default().insert(of_what, amount);
    }
    let agreed = agreements(tx, currency.code()).await?;
    let before = given(tx, cut).await?;
    let Ok(made) = of_periods(&agreed, &used, &before) else { return Ok(false) };
    let stored = stored.into_iter().map(|adjustment| Adjustment { id: Uuid::nil(), ..adjustment });
    Ok(made.into_iter().eq(stored))
}
