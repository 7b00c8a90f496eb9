//! A machine of a tenant is no more: what it was granted ends, and nothing is granted to it again.

use crate::{app::App, principals::removal};
use common::db::TenantTx;
use contracts::{id::Principal, messages::ClientDeleted};
use messaging::{Delivery, Fault, Handle};

impl Handle<ClientDeleted> for App {
    type Tx = TenantTx;

    async fn handle(&self, tx: &mut TenantTx, message: &Delivery<ClientDeleted>) -> Result<(), Fault> {
        let ClientDeleted { client_id, .. } = message.data;
        let machine = Principal::Client(client_id.to_string());
        Ok(removal::of_machine(tx, self, &machine, client_id.0).await?)
    }
}
