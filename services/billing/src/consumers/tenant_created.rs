//! A tenant exists: it gets an account and its first cycle, which begins when the tenant did.

use crate::{
    accounts::{Account, store},
    app::App,
    cycles,
};
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
        let currency = self.account_currency.clone();
        let account = Account { name: name.clone(), email: owner_email.clone(), currency };
        if store::insert(tx, &account, message.time).await? {
            cycles::store::open(tx, self.ambient.uuid(), message.time).await?;
        }
        Ok(())
    }
}
