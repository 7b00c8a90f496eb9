//! `mail.send.v1`: takes a mail into the ledger.

use crate::{app::App, mails::routes::enqueue};
use common::db::CrossTenantTx;
use contracts::messages::SendMail;
use messaging::{Delivery, Fault, Handle};

impl Handle<SendMail> for App {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<SendMail>) -> Result<(), Fault> {
        enqueue(self, tx, message.tenant, &message.data)
            .await?
            .map(drop)
            .map_err(|refusal| Fault::permanent(refusal.reason()))
    }
}
