//! SQL of accounts.

use super::Account;
use crate::currency::Currency;
use chrono::{DateTime, Utc};
use common::db::TenantTx;

/// Makes the account; `false` if the tenant has one already.
pub async fn insert(tx: &mut TenantTx, account: &Account, created_at: DateTime<Utc>) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO account (tenant_id, name, email, currency, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        tx.tenant().0,
        account.name,
        account.email,
        account.currency.code(),
        created_at,
    );
    Ok(inserted.execute(&mut **tx).await?.rows_affected() == 1)
}

pub async fn find(tx: &mut TenantTx) -> sqlx::Result<Option<Account>> {
    let found = sqlx::query_as!(
        Account,
        r#"SELECT name, email, currency AS "currency: Currency" FROM account WHERE tenant_id = $1"#,
        tx.tenant().0
    );
    found.fetch_optional(&mut **tx).await
}
