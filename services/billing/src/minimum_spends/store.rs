//! SQL of minimum spends.

use super::MinimumSpend;
use crate::currency::Currency;
use chrono::{DateTime, Utc};
use common::db::TenantTx;

/// The latest that are shown.
const MOST: i64 = 100;

/// The latest first.
pub async fn list(tx: &mut TenantTx) -> sqlx::Result<Vec<MinimumSpend>> {
    let list = sqlx::query_as!(
        MinimumSpend,
        r#"SELECT id, amount_minor, currency AS "currency: Currency", begin_at, end_at, agreed_by
           FROM minimum_spend WHERE tenant_id = $1 ORDER BY begin_at DESC, id DESC LIMIT $2"#,
        tx.tenant().0,
        MOST
    );
    list.fetch_all(&mut **tx).await
}

/// What holds at `at` ends then, and what was to begin later never does.
pub async fn end(tx: &mut TenantTx, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM minimum_spend WHERE tenant_id = $1 AND begin_at >= $2", tx.tenant().0, at)
        .execute(&mut **tx)
        .await?;
    sqlx::query!(
        "UPDATE minimum_spend SET end_at = $2 WHERE tenant_id = $1 AND (end_at IS NULL OR end_at > $2)",
        tx.tenant().0,
        at
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub async fn insert(tx: &mut TenantTx, minimum: &MinimumSpend) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO minimum_spend (id, tenant_id, amount_minor, currency, begin_at, end_at, agreed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        minimum.id,
        tx.tenant().0,
        minimum.amount_minor,
        minimum.currency.code(),
        minimum.begin_at,
        minimum.end_at,
        minimum.agreed_by
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}
