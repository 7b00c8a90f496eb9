//! SQL of coupons, which belong to no tenant.

use super::Coupon;
use crate::{currency::Currency, discounts::Terms};
use chrono::{DateTime, Utc};
use common::page::PageRequest;
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

struct Row {
    id: Uuid,
    code: String,
    title: String,
    service: Option<String>,
    percent: Option<Decimal>,
    amount_minor: Option<i64>,
    currency: Option<Currency>,
    cycles: Option<i32>,
    redeem_until: Option<DateTime<Utc>>,
    most_redemptions: Option<i32>,
    redemptions: i32,
    created_by: String,
    created_at: DateTime<Utc>,
}

impl From<Row> for Coupon {
    fn from(row: Row) -> Self {
        let Row { title, service, percent, amount_minor, currency, cycles, .. } = row;
        Self {
            id: row.id,
            code: row.code,
            terms: Terms { title, service, percent, amount_minor, currency, cycles },
            redeem_until: row.redeem_until,
            most_redemptions: row.most_redemptions,
            redemptions: row.redemptions,
            created_at: row.created_at,
            created_by: row.created_by,
        }
    }
}

/// `false` if there is one of this code.
pub async fn insert(conn: &mut PgConnection, coupon: &Coupon) -> sqlx::Result<bool> {
    let Coupon { terms, .. } = coupon;
    let inserted = sqlx::query!(
        "INSERT INTO coupon (id, code, title, service, percent, amount_minor, currency, cycles, redeem_until,
           most_redemptions, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (code) DO NOTHING",
        coupon.id,
        coupon.code,
        terms.title,
        terms.service,
        terms.percent,
        terms.amount_minor,
        terms.currency.as_ref().map(Currency::code),
        terms.cycles,
        coupon.redeem_until,
        coupon.most_redemptions,
        coupon.created_by,
        coupon.created_at
    );
    Ok(inserted.execute(conn).await?.rows_affected() == 1)
}

/// The columns of a coupon.
macro_rules! coupons {
    ($rest:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Row,
            r#"SELECT id, code, title, service, percent, amount_minor, currency AS "currency: Currency", cycles,
                 redeem_until, most_redemptions, redemptions, created_by, created_at
               FROM coupon WHERE "# + $rest,
            $($argument),+
        )
    };
}

pub async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Coupon>> {
    Ok(coupons!("id = $1", id).fetch_optional(conn).await?.map(Coupon::from))
}

pub async fn page(conn: &mut PgConnection, page: PageRequest) -> sqlx::Result<Vec<Coupon>> {
    let rows = coupons!("id > $1 ORDER BY id LIMIT $2", page.after, page.fetch());
    Ok(rows.fetch_all(conn).await?.into_iter().map(Coupon::from).collect())
}

/// Counts a redemption; `None` if there is no such coupon, it is too late, or it was redeemed often enough.
pub async fn redeem(conn: &mut PgConnection, code: &str, now: DateTime<Utc>) -> sqlx::Result<Option<Coupon>> {
    let row = sqlx::query_as!(
        Row,
        r#"UPDATE coupon SET redemptions = redemptions + 1
           WHERE code = $1 AND (redeem_until IS NULL OR redeem_until > $2)
             AND (most_redemptions IS NULL OR redemptions < most_redemptions)
           RETURNING id, code, title, service, percent, amount_minor, currency AS "currency: Currency", cycles,
             redeem_until, most_redemptions, redemptions, created_by, created_at"#,
        code,
        now
    );
    Ok(row.fetch_optional(conn).await?.map(Coupon::from))
}

/// Nobody redeems it any more; `false` if there is no such coupon.
pub async fn end(conn: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let ended = sqlx::query!("UPDATE coupon SET redeem_until = least(redeem_until, $2) WHERE id = $1", id, now);
    Ok(ended.execute(conn).await?.rows_affected() == 1)
}
