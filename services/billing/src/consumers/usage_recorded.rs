//! Something was metered: it is kept once, under its key.

use super::tenant;
use crate::{
    app::App,
    usage::{
        model::Event,
        store::{self, Receipt},
    },
};
use contracts::messages::UsageRecorded;
use messaging::{Delivery, Fault, Handle};
use sqlx::PgConnection;

impl Handle<UsageRecorded> for App {
    async fn handle(&self, tx: &mut PgConnection, message: &Delivery<UsageRecorded>) -> Result<(), Fault> {
        let event = Event::check(tenant(message)?, message.data.clone(), self.ambient.now()).map_err(Fault::permanent)?;
        match store::record(tx, &self.ambient, &event).await? {
            Receipt::New | Receipt::Duplicate => Ok(()),
            Receipt::Conflict => Err(Fault::permanent(format!("the key '{}' was used before for other usage", event.body.key))),
        }
    }
}
