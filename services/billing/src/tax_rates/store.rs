//! SQL of rates of VAT, which belong to no tenant.

use super::TaxRate;
use crate::accounts::country::Country;
use chrono::{DateTime, NaiveDate, Utc};
use common::page::PageRequest;
use sqlx::PgConnection;
use uuid::Uuid;

/// What there is of a country and group.
pub struct Known {
    pub many: i64,
    /// Whether one holds on the day that was asked about.
    pub holds: bool,
    /// Whether one begins on it.
    pub begins: bool,
}

/// Until the transaction ends, nobody else writes rates, and nobody parks a cycle that lacks one.
pub async fn lock(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("LOCK TABLE tax_rate IN SHARE ROW EXCLUSIVE MODE").execute(conn).await.map(drop)
}

pub async fn known(conn: &mut PgConnection, country: &str, tax_group: &str, day: NaiveDate) -> sqlx::Result<Known> {
    let known = sqlx::query_as!(
        Known,
        r#"SELECT count(*) AS "many!", coalesce(bool_or(valid_from <= $3), false) AS "holds!",
             coalesce(bool_or(valid_from = $3), false) AS "begins!"
           FROM tax_rate WHERE country = $1 AND tax_group = $2 AND revoked_at IS NULL"#,
        country,
        tax_group,
        day
    );
    known.fetch_one(conn).await
}

pub async fn insert(conn: &mut PgConnection, rate: &TaxRate) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO tax_rate (id, country, tax_group, percent, valid_from, created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        rate.id,
        rate.country.code(),
        rate.tax_group,
        rate.percent,
        rate.valid_from,
        rate.created_at,
        rate.created_by
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The columns of a [`TaxRate`].
macro_rules! rates {
    ($rest:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            TaxRate,
            r#"SELECT id, country AS "country: Country", tax_group, percent, valid_from, created_at, created_by,
                 revoked_at, revoked_by FROM tax_rate WHERE "# + $rest,
            $($argument),+
        )
    };
}

pub async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<TaxRate>> {
    rates!("id = $1", id).fetch_optional(conn).await
}

/// Of one country or of all, in the order in which they were entered.
pub async fn page(conn: &mut PgConnection, country: Option<&str>, page: PageRequest) -> sqlx::Result<Vec<TaxRate>> {
    let rates = rates!(
        "($1::text IS NULL OR country = $1) AND id > $2 ORDER BY id LIMIT $3",
        country,
        page.after,
        page.fetch()
    );
    rates.fetch_all(conn).await
}

/// It never holds; one that was revoked stays as it is.
pub async fn revoke(conn: &mut PgConnection, id: Uuid, by: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE tax_rate SET revoked_at = $3, revoked_by = $2 WHERE id = $1 AND revoked_at IS NULL",
        id,
        by,
        now
    )
    .execute(conn)
    .await
    .map(drop)
}
