//! A tenant has not paid: nobody is served by its instances.

use crate::{
    app::App,
    suspension::{self, Said},
};
use common::db::TenantTx;
use contracts::messages::AccountSuspended;
use messaging::{Delivery, Fault, Handle};

impl Handle<AccountSuspended> for App {
    type Tx = TenantTx;

    async fn handle(&self, tx: &mut TenantTx, message: &Delivery<AccountSuspended>) -> Result<(), Fault> {
        let AccountSuspended { tenant_id, suspended_at, generation, .. } = message.data;
        suspension::hear(tx, &Said { tenant: tenant_id, suspended_since: Some(suspended_at), generation }).await
    }
}
