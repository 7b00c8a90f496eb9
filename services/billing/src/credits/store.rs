//! SQL of credits.

use super::Credit;
use crate::currency::Currency;
use chrono::{DateTime, Utc};
use common::{db::TenantTx, page::PageRequest};
use uuid::Uuid;

/// The columns of a [`Credit`] of the tenant (`$1`).
macro_rules! credits {
    ($rest:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Credit,
            r#"SELECT id, title, amount_minor, amount_minor + taken AS "balance_minor!", currency AS "currency: Currency",
                 expires_at, revoked_at, granted_at, granted_by
               FROM credit, LATERAL (SELECT coalesce(sum(a.amount_minor), 0)::bigint AS taken FROM invoice_adjustment a
                 WHERE a.tenant_id = $1 AND a.source_id = credit.id AND a.kind = 'credit') AS ledger
               WHERE tenant_id = $1 AND "# + $rest,
            $($argument),+
        )
    };
}

pub async fn insert(tx: &mut TenantTx, credit: &Credit) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO credit (id, tenant_id, title, amount_minor, currency, expires_at, granted_at, granted_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        credit.id,
        tx.tenant().0,
        credit.title,
        credit.amount_minor,
        credit.currency.code(),
        credit.expires_at,
        credit.granted_at,
        credit.granted_by
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// What may pay for a cycle that ends at `end`: those that expire soonest first.
pub async fn available(tx: &mut TenantTx, currency: &str, end: DateTime<Utc>) -> sqlx::Result<Vec<Credit>> {
    let available = credits!(
        "currency = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at >= $3) AND amount_minor + taken > 0
         ORDER BY expires_at NULLS LAST, id",
        tx.tenant().0,
        currency,
        end
    );
    available.fetch_all(&mut **tx).await
}

pub async fn page(tx: &mut TenantTx, page: PageRequest) -> sqlx::Result<Vec<Credit>> {
    credits!("id > $2 ORDER BY id LIMIT $3", tx.tenant().0, page.after, page.fetch()).fetch_all(&mut **tx).await
}

pub async fn find(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<Option<Credit>> {
    credits!("id = $2", tx.tenant().0, id).fetch_optional(&mut **tx).await
}

/// How many have something left and may still pay.
pub async fn count(tx: &mut TenantTx, now: DateTime<Utc>) -> sqlx::Result<i64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM credit
           WHERE tenant_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at >= $2)
             AND amount_minor > (SELECT coalesce(-sum(a.amount_minor), 0) FROM invoice_adjustment a
               WHERE a.tenant_id = $1 AND a.source_id = credit.id AND a.kind = 'credit')"#,
        tx.tenant().0,
        now
    );
    count.fetch_one(&mut **tx).await
}

/// Nothing changes where it was revoked before.
pub async fn revoke(tx: &mut TenantTx, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE credit SET revoked_at = $3 WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL",
        tx.tenant().0,
        id,
        now
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}
