//! `mail.send.v1`: takes a mail into the ledger.

use crate::{app::App, mails::routes::enqueue};
use common::db::CrossTenantTx;
use contracts::messages::SendMail;
use messaging::{Delivery, Fault, Handle};

impl Handle<SendMail> for App {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<SendMail>) -> Result<(), Fault> {
        let taken = match message.tenant {
            Some(tenant) => enqueue(self, tx.narrow(tenant).await?, &message.data).await?,
            // The platform's own.
            None => enqueue(self, tx, &message.data).await?,
        };
        taken.map(drop).map_err(|refusal| Fault::permanent(refusal.reason()))
    }
}
