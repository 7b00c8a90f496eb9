//! SQL of invoice numbers, and of what is mailed with them.

use crate::currency::Currency;
use chrono::{DateTime, Utc};
use common::db::CrossTenantTx;
use contracts::id::TenantId;
use rust_decimal::Decimal;
use uuid::Uuid;

/// An invoice that has just got its number.
pub struct ToMail {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub tenant_name: String,
    pub email: String,
    pub number: String,
    pub currency: Currency,
    pub total_minor: i64,
    pub period_start: DateTime<Utc>,
    pub period_end: DateTime<Utc>,
}

/// A line or an adjustment of it, as it is mailed.
pub struct LineToMail {
    pub invoice_id: Uuid,
    pub description: String,
    pub quantity: Decimal,
    pub amount_minor: i64,
}

/// Gives the next numbers to invoices that have none, in the order in which they were made. Whoever else does so waits
/// for this transaction.
pub async fn number(tx: &mut CrossTenantTx, limit: i64) -> sqlx::Result<Vec<ToMail>> {
    // A statement of its own: the next one must see what was numbered while this one waited.
    sqlx::query!("SELECT last FROM number_series WHERE series = 'invoice' FOR UPDATE").fetch_one(&mut **tx).await?;
    let numbered = sqlx::query_as!(
        ToMail,
        r#"WITH next AS (SELECT invoice_id, row_number() OVER (ORDER BY invoice_id) AS place FROM (
             SELECT invoice_id FROM invoice_status WHERE series = 'invoice' AND number IS NULL
             ORDER BY invoice_id LIMIT $1) AS unnumbered),
           series AS (UPDATE number_series SET last = last + (SELECT count(*) FROM next) WHERE series = 'invoice'
             RETURNING last)
         UPDATE invoice_status s SET number = series.last - (SELECT count(*) FROM next) + next.place
         FROM next, series, invoice i, account a LEFT JOIN account_details d ON d.tenant_id = a.tenant_id
         WHERE s.invoice_id = next.invoice_id AND i.id = next.invoice_id AND a.tenant_id = i.tenant_id
         RETURNING i.id, i.tenant_id, a.name AS tenant_name, coalesce(d.email, a.email) AS "email!",
           lpad(s.number::text, greatest(8, length(s.number::text)), '0') AS "number!",
           i.currency AS "currency: Currency", i.total_minor, i.period_start, i.period_end"#,
        limit
    );
    numbered.fetch_all(&mut **tx).await
}

/// By their invoices, in the order in which each shows them, adjustments after lines; of one that has more than `most`, the others are added up
/// in a last one, whose quantity is their number.
pub async fn lines(tx: &mut CrossTenantTx, invoices: &[Uuid], most: i64) -> sqlx::Result<Vec<LineToMail>> {
    let lines = sqlx::query_as!(
        LineToMail,
        r#"SELECT invoice_id AS "invoice_id!", min(CASE WHEN place <= $2 THEN description ELSE 'Other lines, listed on the invoice' END)
             AS "description!", sum(CASE WHEN place <= $2 THEN quantity ELSE 1 END) AS "quantity!",
             sum(amount_minor)::bigint AS "amount_minor!"
           FROM (SELECT *, row_number() OVER (PARTITION BY invoice_id
               ORDER BY rate_kind NULLS LAST, name, period_start, position, id) AS place FROM (
             SELECT invoice_id, description, quantity, amount_minor, rate_kind, name, period_start, NULL::smallint AS position, id
             FROM invoice_line WHERE invoice_id = ANY($1)
             UNION ALL SELECT invoice_id, title, 1, amount_minor, NULL, NULL, NULL, position, id
             FROM invoice_adjustment WHERE invoice_id = ANY($1)
             UNION ALL SELECT invoice_id, 'VAT ' || trim_scale(percent) || ' %', 1, tax_minor, NULL, NULL, NULL, NULL, invoice_id
             FROM invoice_tax WHERE invoice_id = ANY($1) AND tax_minor <> 0) AS said) AS line
           GROUP BY invoice_id, least(place, $2 + 1) ORDER BY invoice_id, least(place, $2 + 1)"#,
        invoices,
        most
    );
    lines.fetch_all(&mut **tx).await
}
