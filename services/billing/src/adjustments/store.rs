//! SQL of adjustments, and of what they are made from.

use super::{
    Adjustment, AdjustmentKind,
    rules::{Discount, MinimumSpend, Reduction, Validity},
};
use crate::calendar::Span;
use common::db::TenantTx;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a tenant has agreed on.
pub struct Agreements {
    pub discounts: Vec<Discount>,
    /// The latest last.
    pub minimum_spends: Vec<MinimumSpend>,
}

/// What invoices took off or added for a period, by the discount or minimum spend, and by tax group.
pub type Given = BTreeMap<(Uuid, Span), BTreeMap<String, i64>>;

/// Whether there is any of them at all: of most tenants there is not.
pub struct Present {
    pub agreements: bool,
    pub credits: bool,
}

pub async fn present(tx: &mut TenantTx) -> sqlx::Result<Present> {
    let present = sqlx::query_as!(
        Present,
        r#"SELECT EXISTS (SELECT FROM discount WHERE tenant_id = $1)
             OR EXISTS (SELECT FROM minimum_spend WHERE tenant_id = $1) AS "agreements!",
             EXISTS (SELECT FROM credit WHERE tenant_id = $1) AS "credits!""#,
        tx.tenant().0
    );
    present.fetch_one(&mut **tx).await
}

/// All that was ever agreed on in this currency, the ends of discounts by their numbers of cycles: what comes late to a period is treated as it was.
pub async fn agreements(tx: &mut TenantTx, currency: &str) -> sqlx::Result<Agreements> {
    let discounts = sqlx::query!(
        "SELECT id, title, service, percent, amount_minor, begin_at, least(end_at, CASE WHEN cycles IS NOT NULL THEN (
           SELECT c.end_at FROM cycle c WHERE c.tenant_id = $1 AND c.end_at > d.begin_at
           ORDER BY c.end_at OFFSET cycles - 1 LIMIT 1) END) AS end_at
         FROM discount d WHERE tenant_id = $1 AND (currency IS NULL OR currency = $2) ORDER BY id",
        tx.tenant().0,
        currency
    );
    let discounts = discounts.fetch_all(&mut **tx).await?.into_iter().map(|row| Discount {
        id: row.id,
        title: row.title,
        service: row.service,
        reduction: reduction(row.percent, row.amount_minor),
        validity: Validity { begin_at: row.begin_at, end_at: row.end_at },
    });
    let discounts = discounts.collect();
    let minimum_spends = sqlx::query!(
        "SELECT id, amount_minor, begin_at, end_at FROM minimum_spend
         WHERE tenant_id = $1 AND currency = $2 ORDER BY begin_at, id",
        tx.tenant().0,
        currency
    );
    let minimum_spends = minimum_spends.fetch_all(&mut **tx).await?.into_iter().map(|row| MinimumSpend {
        id: row.id,
        amount_minor: row.amount_minor,
        validity: Validity { begin_at: row.begin_at, end_at: row.end_at },
    });
    Ok(Agreements { discounts, minimum_spends: minimum_spends.collect() })
}

/// One of both is there.
fn reduction(percent: Option<Decimal>, amount_minor: Option<i64>) -> Reduction {
    percent.map_or_else(|| Reduction::Fixed(amount_minor.unwrap_or_default()), Reduction::Percent)
}

/// What invoices have billed of these periods, of cycles that were cut at `cut` at the latest.
pub async fn totals(tx: &mut TenantTx, periods: &[Span], cut: i64) -> sqlx::Result<Vec<(Span, (String, String), i64)>> {
    if periods.is_empty() {
        return Ok(Vec::new());
    }
    let totals = sqlx::query!(
        r#"SELECT l.period_start, l.period_end, l.service, r.tax_group, sum(l.amount_minor)::bigint AS "amount!"
           FROM UNNEST($2::timestamptz[], $3::timestamptz[]) AS period (period_start, period_end)
           JOIN invoice_line l USING (period_start, period_end) JOIN rate r ON r.id = l.rate_id
           JOIN invoice i ON i.tenant_id = $1 AND i.id = l.invoice_id
           JOIN cycle c ON c.tenant_id = $1 AND c.id = i.cycle_id AND c.cut_seq <= $4
           WHERE l.tenant_id = $1 GROUP BY l.period_start, l.period_end, l.service, r.tax_group"#,
        tx.tenant().0,
        &periods.iter().map(|period| period.from).collect::<Vec<_>>(),
        &periods.iter().map(|period| period.until).collect::<Vec<_>>(),
        cut
    );
    let totals = totals.fetch_all(&mut **tx).await?.into_iter();
    let total = totals
        .map(|row| (Span { from: row.period_start, until: row.period_end }, (row.service, row.tax_group), row.amount));
    Ok(total.collect())
}

/// What invoices of cycles that were cut before `cut` took off and added.
pub async fn given(tx: &mut TenantTx, cut: i64) -> sqlx::Result<Given> {
    let given = sqlx::query!(
        r#"SELECT a.source_id, a.period_start, a.period_end, a.tax_group AS "tax_group!",
             sum(a.amount_minor)::bigint AS "amount!"
           FROM invoice_adjustment a
           JOIN invoice i ON i.tenant_id = $1 AND i.id = a.invoice_id
           JOIN cycle c ON c.tenant_id = $1 AND c.id = i.cycle_id AND c.cut_seq < $2
           WHERE a.tenant_id = $1 AND a.kind IN ('discount', 'minimum_spend')
           GROUP BY a.source_id, a.period_start, a.period_end, a.tax_group"#,
        tx.tenant().0,
        cut
    );
    let mut by_period = Given::new();
    for row in given.fetch_all(&mut **tx).await? {
        let period = Span { from: row.period_start, until: row.period_end };
        by_period.entry((row.source_id, period)).or_default().insert(row.tax_group, row.amount);
    }
    Ok(by_period)
}

/// Of a draft, in their order.
pub async fn insert(tx: &mut TenantTx, invoice: Uuid, adjustments: &[Adjustment]) -> sqlx::Result<()> {
    for (position, adjustment) in adjustments.iter().enumerate() {
        sqlx::query!(
            "INSERT INTO invoice_adjustment (id, invoice_id, tenant_id, position, kind, source_id, title, period_start,
               period_end, base_minor, before_minor, amount_minor, tax_group)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            adjustment.id,
            invoice,
            tx.tenant().0,
            i16::try_from(position).map_err(|error| sqlx::Error::Encode(error.into()))?,
            adjustment.kind as AdjustmentKind,
            adjustment.source_id,
            adjustment.title,
            adjustment.period_start,
            adjustment.period_end,
            adjustment.base_minor,
            adjustment.before_minor,
            adjustment.amount_minor,
            adjustment.tax_group
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Of an invoice, in their order.
pub async fn list(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<Vec<Adjustment>> {
    let adjustments = sqlx::query_as!(
        Adjustment,
        r#"SELECT id, kind AS "kind: AdjustmentKind", source_id, title, tax_group, period_start, period_end,
             base_minor, before_minor, amount_minor
           FROM invoice_adjustment WHERE tenant_id = $1 AND invoice_id = $2 ORDER BY position"#,
        tx.tenant().0,
        invoice
    );
    adjustments.fetch_all(&mut **tx).await
}

/// Those of the invoice's lines.
pub async fn periods(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<Vec<Span>> {
    let periods = sqlx::query!(
        "SELECT DISTINCT period_start, period_end FROM invoice_line WHERE tenant_id = $1 AND invoice_id = $2",
        tx.tenant().0,
        invoice
    );
    let periods = periods.fetch_all(&mut **tx).await?.into_iter();
    Ok(periods.map(|row| Span { from: row.period_start, until: row.period_end }).collect())
}
