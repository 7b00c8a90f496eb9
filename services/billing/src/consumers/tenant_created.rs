//! A tenant exists: it gets an account and its first cycle, which begins when the tenant did.

use crate::{accounts::store, app::App, cycles::closing};
use common::db::TenantTx;
use contracts::messages::{TenantCreated, TenantKind};
use messaging::{Delivery, Fault, Handle};

impl Handle<TenantCreated> for App {
    type Tx = TenantTx;

    async fn handle(&self, tx: &mut TenantTx, message: &Delivery<TenantCreated>) -> Result<(), Fault> {
        let TenantCreated { name, kind, owner_email, .. } = &message.data;
        // The company that runs the platform sends itself no invoices.
        if *kind == TenantKind::Platform {
            return Ok(());
        }
        if store::insert(tx, name, owner_email, &self.account_currency, message.time).await? {
            let account = store::find(tx).await?.ok_or(sqlx::Error::RowNotFound)?;
            closing::begin(tx, self, &account.schedule, message.time).await?;
        }
        Ok(())
    }
}
