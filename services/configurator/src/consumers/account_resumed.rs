//! A tenant that was suspended has paid: its instances serve again.

use crate::{
    app::App,
    suspension::{self, Said},
};
use common::db::TenantTx;
use contracts::messages::AccountResumed;
use messaging::{Delivery, Fault, Handle};

impl Handle<AccountResumed> for App {
    type Tx = TenantTx;

    async fn handle(&self, tx: &mut TenantTx, message: &Delivery<AccountResumed>) -> Result<(), Fault> {
        let AccountResumed { tenant_id, generation, .. } = message.data;
        suspension::hear(tx, &Said { tenant: tenant_id, suspended_since: None, generation }).await
    }
}
