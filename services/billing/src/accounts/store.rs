//! SQL of accounts.

use super::Account;
use crate::{calendar::Schedule, currency::Currency};
use chrono::{DateTime, Utc};
use common::db::TenantTx;
use sqlx::error::BoxDynError;

/// Makes the account; `false` if the tenant has one already.
pub async fn insert(
    tx: &mut TenantTx,
    name: &str,
    email: &str,
    currency: &Currency,
    created_at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO account (tenant_id, name, email, currency, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        tx.tenant().0,
        name,
        email,
        currency.code(),
        created_at,
    );
    Ok(inserted.execute(&mut **tx).await?.rows_affected() == 1)
}

pub async fn find(tx: &mut TenantTx) -> sqlx::Result<Option<Account>> {
    let found = sqlx::query!(
        r#"SELECT currency AS "currency: Currency", time_zone, anchor_day FROM account
           WHERE tenant_id = $1"#,
        tx.tenant().0
    );
    let Some(row) = found.fetch_optional(&mut **tx).await? else { return Ok(None) };
    account(row.currency, &row.time_zone, row.anchor_day).map(Some)
}

/// What columns say.
pub fn account(currency: Currency, zone: &str, anchor_day: i16) -> sqlx::Result<Account> {
    let schedule: Result<_, BoxDynError> =
        (|| Ok(Schedule::new(zone.parse()?, u32::try_from(anchor_day)?.try_into()?)))();
    Ok(Account { currency, schedule: schedule.map_err(sqlx::Error::Decode)? })
}
