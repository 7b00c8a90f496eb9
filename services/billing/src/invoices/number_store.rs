//! SQL of invoice numbers.

use common::db::CrossTenantTx;
use contracts::id::TenantId;
use uuid::Uuid;

pub struct Numbered {
    pub invoice_id: Uuid,
    pub tenant_id: TenantId,
}

/// Gives the next numbers to invoices that have none, in the order in which they were made. Whoever else does so waits
/// for this transaction.
pub async fn number(tx: &mut CrossTenantTx, limit: i64) -> sqlx::Result<Vec<Numbered>> {
    // A statement of its own: the next one must see what was numbered while this one waited.
    sqlx::query!("SELECT last FROM number_series WHERE series = 'invoice' FOR UPDATE").fetch_one(&mut **tx).await?;
    let numbered = sqlx::query_as!(
        Numbered,
        "WITH next AS (SELECT invoice_id, row_number() OVER (ORDER BY invoice_id) AS place FROM (
             SELECT invoice_id FROM invoice_status WHERE series = 'invoice' AND number IS NULL
             ORDER BY invoice_id LIMIT $1) AS unnumbered),
           series AS (UPDATE number_series SET last = last + (SELECT count(*) FROM next) WHERE series = 'invoice'
             RETURNING last)
         UPDATE invoice_status s SET number = series.last - (SELECT count(*) FROM next) + next.place
         FROM next, series WHERE s.invoice_id = next.invoice_id RETURNING s.invoice_id, s.tenant_id",
        limit
    );
    numbered.fetch_all(&mut **tx).await
}
