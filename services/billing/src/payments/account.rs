//! The account at Stripe in which our customers are. With the key of another one, or of the other mode, Stripe knows
//! none of them, and would seem to decline every charge.

use super::provider::{Account, Fault, PaymentProvider};
use crate::app::App;
use common::db::TenantlessTx;

/// Whether the provider is asked with a key of the account that was asked first. Call it before anything that names a
/// customer, with no transaction open.
pub async fn check<P: PaymentProvider>(app: &App, provider: &P) -> sqlx::Result<Result<(), Fault>> {
    let asked = match provider.account().await {
        Ok(asked) => asked,
        Err(fault) => return Ok(Err(fault)),
    };
    let mut tx = app.db.begin_tenantless().await?;
    let kept = keep(&mut tx, &asked).await?;
    tx.commit().await?;
    let reason = || format!("the key is of {asked}, and our customers are in {kept}");
    Ok(if kept == asked { Ok(()) } else { Err(Fault::Configuration { reason: reason() }) })
}

/// The account that was kept first, which is this one if there was none.
async fn keep(tx: &mut TenantlessTx, account: &Account) -> sqlx::Result<Account> {
    let select = async |tx: &mut TenantlessTx| {
        sqlx::query_as!(Account, "SELECT account_id AS id, live FROM payment_account").fetch_optional(&mut **tx).await
    };
    if let Some(kept) = select(tx).await? {
        return Ok(kept);
    }
    let insert = sqlx::query!(
        "INSERT INTO payment_account (account_id, live) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        account.id,
        account.live
    );
    insert.execute(&mut **tx).await?;
    // Another process may have been quicker.
    Ok(select(tx).await?.unwrap_or_else(|| account.clone()))
}
