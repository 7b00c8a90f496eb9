//! The adjustments of an invoice that is being made, or previewed. Nothing is written but by [`write`].

use super::{
    Adjusted, Adjustment, AdjustmentKind, Totals, funds, plus,
    rules::steps,
    store::{self, Agreements, Given},
};
use crate::{
    accounts::Account,
    app::App,
    calendar::Span,
    credits,
    invoices::{not_invoiced::NotInvoiced, store::PricedLine},
    pricing::TooLarge,
    taxes::making::tax,
};
use common::{ambient::Ambient, db::TenantTx};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What an invoice with these lines comes to, whose own period is `own`.
pub async fn adjust(
    tx: &mut TenantTx,
    app: &App,
    account: &Account,
    own: Span,
    lines: &[PricedLine<'_>],
) -> Result<Adjusted, NotInvoiced> {
    let ambient = &app.ambient;
    let mut totals = Totals::from([(own, BTreeMap::new())]);
    for line in lines {
        let of_what = (line.rate.service().to_owned(), line.rate.tax_group.clone());
        let total = totals.entry(line.period).or_default().entry(of_what).or_default();
        *total = plus(*total, line.priced.amount_minor)?;
    }
    let subtotal_minor = totals.values().flat_map(BTreeMap::values).copied().try_fold(0, plus)?;
    let present = store::present(tx).await?;
    let mut adjustments = Vec::new();
    if present.agreements {
        let agreements = store::agreements(tx, account.currency.code()).await?;
        // Of its own period, an invoice is the first.
        let late: Vec<_> = totals.keys().filter(|period| **period != own).copied().collect();
        for (period, of_what, amount) in store::totals(tx, &late, i64::MAX).await? {
            let total = totals.entry(period).or_default().entry(of_what).or_default();
            *total = plus(*total, amount)?;
        }
        let given = store::given(tx, i64::MAX).await?;
        adjustments = of_periods(&agreements, &totals, &given)?;
        adjustments.iter_mut().for_each(|adjustment| adjustment.id = ambient.uuid());
    }
    let adjusted = adjustments.iter().map(|adjustment| adjustment.amount_minor).try_fold(subtotal_minor, plus)?;
    let taxes = tax(tx, app.seller.as_ref(), account, own, lines, &adjustments).await?;
    let tax_minor = taxes.iter().map(|tax| tax.tax_minor).try_fold(0, plus)?;
    let total_minor = plus(adjusted, tax_minor)?;
    let mut done = Adjusted { adjustments, carried: None, taxes, subtotal_minor, tax_minor, total_minor };
    if present.credits || total_minor < 0 {
        settle(tx, ambient, account, own, &mut done).await?;
    }
    Ok(done)
}

/// What discounts and minimum spends do to periods whose usage comes to `totals`, beyond what earlier invoices gave.
pub fn of_periods(agreements: &Agreements, totals: &Totals, given: &Given) -> Result<Vec<Adjustment>, TooLarge> {
    let mut adjustments = Vec::new();
    for (period, used) in totals {
        let minimum = agreements.minimum_spends.iter().rev().find(|minimum| minimum.validity.holds(*period));
        for step in steps(&agreements.discounts, minimum, *period, used)? {
            let before = given.get(&(step.source_id, *period));
            let groups: BTreeSet<_> = step.parts.keys().chain(before.into_iter().flat_map(BTreeMap::keys)).collect();
            for group in groups {
                let part = step.parts.get(group).copied().unwrap_or_default();
                let before_minor = before.and_then(|before| before.get(group)).copied().unwrap_or_default();
                let amount_minor = part.amount_minor.checked_sub(before_minor).ok_or(TooLarge)?;
                if amount_minor != 0 {
                    adjustments.push(Adjustment {
                        id: Uuid::nil(),
                        kind: step.kind,
                        source_id: step.source_id,
                        title: step.title.to_owned(),
                        tax_group: Some(group.clone()),
                        period_start: period.from,
                        period_end: period.until,
                        base_minor: part.base_minor,
                        before_minor,
                        amount_minor,
                    });
                }
            }
        }
    }
    Ok(adjustments)
}

/// Credits pay what is more than nothing; what is less becomes one.
async fn settle(
    tx: &mut TenantTx,
    ambient: &Ambient,
    account: &Account,
    own: Span,
    done: &mut Adjusted,
) -> Result<(), NotInvoiced> {
    if done.total_minor > 0 {
        let credits = credits::store::available(tx, account.currency.code(), own.until).await?;
        for part in funds::take(&credits, done.total_minor) {
            let adjustment =
                of_credit(ambient, AdjustmentKind::Credit, part.credit, own, done.total_minor, -part.amount);
            done.total_minor -= part.amount;
            done.adjustments.push(adjustment);
        }
    } else if done.total_minor < 0 {
        let left = done.total_minor.checked_neg().ok_or(TooLarge)?;
        let credit = credits::Credit::carried(ambient, &account.currency, left);
        done.adjustments.push(of_credit(ambient, AdjustmentKind::CarryForward, &credit, own, -left, left));
        (done.carried, done.total_minor) = (Some(credit), 0);
    }
    Ok(())
}

fn of_credit(
    ambient: &Ambient,
    kind: AdjustmentKind,
    credit: &credits::Credit,
    own: Span,
    base_minor: i64,
    amount_minor: i64,
) -> Adjustment {
    let (period_start, period_end) = (own.from, own.until);
    let (id, source_id, title) = (ambient.uuid(), credit.id, credit.title.clone());
    let (tax_group, before_minor) = (None, 0);
    Adjustment {
        id,
        kind,
        source_id,
        title,
        tax_group,
        period_start,
        period_end,
        base_minor,
        before_minor,
        amount_minor,
    }
}

/// Writes them with a draft.
pub async fn write(tx: &mut TenantTx, invoice: Uuid, adjusted: &Adjusted) -> sqlx::Result<()> {
    if let Some(credit) = &adjusted.carried {
        credits::store::insert(tx, credit).await?;
    }
    store::insert(tx, invoice, &adjusted.adjustments).await
}
