//! Something was metered: it is kept once, under its key. What cannot be counted yet is parked.

use super::tenant;
use crate::{
    app::App,
    usage::{
        model::{Disposition, Event},
        parked,
        store::{self, Receipt},
    },
};
use common::db::CrossTenantTx;
use contracts::messages::UsageRecorded;
use messaging::{Delivery, Fault, Handle};

impl Handle<UsageRecorded> for App {
    /// An instance of another tenant is recognised.
    type Tx = CrossTenantTx;
    const SHARES_COMMIT: bool = true;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<UsageRecorded>) -> Result<(), Fault> {
        let event = Event::check(tenant(message)?, &message.source, message.data.clone()).map_err(Fault::permanent)?;
        let mut owner = store::owner(tx, event.body.instance_id).await?;
        if owner.is_none() {
            // Whoever begins the instance now either is through and seen, or waits and sees what is parked.
            store::lock_instance(tx, event.body.instance_id).await?;
            owner = store::owner(tx, event.body.instance_id).await?;
        }
        let receipt = match event.disposition(owner.as_ref(), self.ambient.now()) {
            Disposition::Count => store::record(tx.narrow(event.tenant).await?, &self.ambient, &event.body).await?,
            Disposition::Park(reason) => {
                parked::park(tx.narrow(event.tenant).await?, &self.ambient, &event.body, reason).await?
            }
            Disposition::Reject => {
                let instance = event.body.instance_id;
                return Err(Fault::permanent(format!(
                    "the instance {instance} belongs to another tenant or runs another service"
                )));
            }
        };
        match receipt {
            Receipt::New | Receipt::Duplicate => Ok(()),
            Receipt::Conflict => {
                Err(Fault::permanent(format!("the key '{}' was used before for other usage", event.body.key)))
            }
        }
    }
}
