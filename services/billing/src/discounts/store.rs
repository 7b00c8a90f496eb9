//! SQL of discounts.

use super::{Discount, Terms};
use crate::currency::Currency;
use chrono::{DateTime, Utc};
use common::{db::TenantTx, page::PageRequest};
use rust_decimal::Decimal;
use uuid::Uuid;

struct Row {
    id: Uuid,
    title: String,
    service: Option<String>,
    percent: Option<Decimal>,
    amount_minor: Option<i64>,
    currency: Option<Currency>,
    cycles: Option<i32>,
    begin_at: DateTime<Utc>,
    end_at: Option<DateTime<Utc>>,
    coupon_id: Option<Uuid>,
    granted_by: String,
}

impl From<Row> for Discount {
    fn from(row: Row) -> Self {
        let Row { title, service, percent, amount_minor, currency, cycles, .. } = row;
        Self {
            id: row.id,
            terms: Terms { title, service, percent, amount_minor, currency, cycles },
            begin_at: row.begin_at,
            end_at: row.end_at,
            coupon_id: row.coupon_id,
            granted_by: row.granted_by,
        }
    }
}

/// Keeps a discount; `false` if the tenant has had its coupon.
pub async fn insert(tx: &mut TenantTx, discount: &Discount) -> sqlx::Result<bool> {
    let Discount { id, terms, begin_at, end_at, coupon_id, granted_by } = discount;
    let inserted = sqlx::query!(
        "INSERT INTO discount (id, tenant_id, title, service, percent, amount_minor, currency, cycles, begin_at, end_at,
           coupon_id, granted_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (tenant_id, coupon_id) DO NOTHING",
        id,
        tx.tenant().0,
        terms.title,
        terms.service,
        terms.percent,
        terms.amount_minor,
        terms.currency.as_ref().map(Currency::code),
        terms.cycles,
        begin_at,
        *end_at,
        *coupon_id,
        granted_by
    );
    Ok(inserted.execute(&mut **tx).await?.rows_affected() == 1)
}

/// The columns of a [`Discount`] of the tenant (`$1`).
macro_rules! discounts {
    ($rest:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Row,
            r#"SELECT id, title, service, percent, amount_minor, currency AS "currency: Currency", cycles, begin_at,
                 end_at, coupon_id, granted_by
               FROM discount WHERE tenant_id = $1 AND "# + $rest,
            $($argument),+
        )
    };
}

pub async fn find(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<Option<Discount>> {
    Ok(discounts!("id = $2", tx.tenant().0, id).fetch_optional(&mut **tx).await?.map(Discount::from))
}

pub async fn page(tx: &mut TenantTx, page: PageRequest) -> sqlx::Result<Vec<Discount>> {
    let rows = discounts!("id > $2 ORDER BY id LIMIT $3", tx.tenant().0, page.after, page.fetch());
    Ok(rows.fetch_all(&mut **tx).await?.into_iter().map(Discount::from).collect())
}

/// How many may still take something off.
pub async fn count(tx: &mut TenantTx, now: DateTime<Utc>) -> sqlx::Result<i64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM discount
           WHERE tenant_id = $1 AND (end_at IS NULL OR end_at > $2)
             AND (cycles IS NULL OR cycles > (SELECT count(*) FROM cycle c
               WHERE c.tenant_id = $1 AND c.end_at > begin_at AND c.state <> 'open'))"#,
        tx.tenant().0,
        now
    );
    count.fetch_one(&mut **tx).await
}

/// Has it end now, if it would end later; `false` if the tenant has no such discount.
pub async fn end(tx: &mut TenantTx, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let ended = sqlx::query!(
        "UPDATE discount SET end_at = least(end_at, $3) WHERE tenant_id = $1 AND id = $2",
        tx.tenant().0,
        id,
        now
    );
    Ok(ended.execute(&mut **tx).await?.rows_affected() == 1)
}
