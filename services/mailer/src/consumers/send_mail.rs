//! `mail.send.v1`: takes a mail into the ledger.

use crate::{app::App, messages::routes::enqueue};
use contracts::messages::SendMail;
use messaging::{Delivery, Fault, Handle};
use sqlx::PgConnection;

impl Handle<SendMail> for App {
    async fn handle(&self, tx: &mut PgConnection, message: &Delivery<SendMail>) -> Result<(), Fault> {
        enqueue(self, tx, message.tenant, &message.data)
            .await?
            .map(drop)
            .map_err(|refusal| Fault::permanent(refusal.reason()))
    }
}
