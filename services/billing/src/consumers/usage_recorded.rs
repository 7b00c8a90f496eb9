//! Something was metered, one event or many at once: each is kept once, under its key, and what does not count is
//! parked.

use super::tenant;
use crate::{
    app::App,
    usage::intake::{self, NotTaken},
};
use common::db::CrossTenantTx;
use contracts::{
    envelope::source_of,
    messages::{Message, UsageBatchRecorded, UsageRecorded},
};
use messaging::{Delivery, Fault, Handle};

impl Handle<UsageRecorded> for App {
    /// An instance of another tenant is recognised.
    type Tx = CrossTenantTx;
    const SHARES_COMMIT: bool = true;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<UsageRecorded>) -> Result<(), Fault> {
        take(self, tx, message, vec![message.data.clone()]).await
    }
}

impl Handle<UsageBatchRecorded> for App {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<UsageBatchRecorded>) -> Result<(), Fault> {
        take(self, tx, message, message.data.clone().into_events()).await
    }
}

/// Events of one instance. Whoever counts for what is not theirs is refused as a whole.
async fn take<M: Message>(
    app: &App,
    tx: &mut CrossTenantTx,
    message: &Delivery<M>,
    events: Vec<UsageRecorded>,
) -> Result<(), Fault> {
    let Some(service) = events.first().map(|event| event.service.clone()) else { return Ok(()) };
    let (tenant, source) = (tenant(message)?, &message.source);
    if *source != source_of(&service) {
        return Err(Fault::permanent(format!(
            "'{source}' counts for the service '{service}', which only that service may"
        )));
    }
    match intake::take_of_instance(tx, &app.ambient, tenant, events).await {
        Ok(_) => Ok(()),
        Err(NotTaken::Foreign(instance)) => {
            Err(Fault::permanent(format!("the instance {instance} belongs to another tenant or runs another service")))
        }
        Err(NotTaken::Database(error)) => Err(error.into()),
    }
}
