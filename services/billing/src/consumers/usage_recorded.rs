//! Something was metered, one event or many at once: each is kept once, under its key, and what does not count is
//! parked.

use super::tenant;
use crate::{
    app::App,
    usage::{
        intake,
        model::{Reason, Verdict},
        store::{self, Owner},
    },
};
use common::db::CrossTenantTx;
use contracts::{
    envelope::source_of,
    id::InstanceId,
    messages::{Message, UsageBatchRecorded, UsageRecorded},
};
use messaging::{Delivery, Fault, Handle};
use std::collections::BTreeMap;

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
    let Some((instance, service)) = events.first().map(|event| (event.instance_id, event.service.clone())) else {
        return Ok(());
    };
    let (tenant, source) = (tenant(message)?, &message.source);
    if *source != source_of(&service) {
        return Err(Fault::permanent(format!(
            "'{source}' counts for the service '{service}', which only that service may"
        )));
    }
    let owner = owner(tx, instance).await?;
    if owner.as_ref().is_some_and(|owner| owner.tenant != tenant || owner.service != service) {
        count([Verdict::Parked(Reason::InstanceOfAnother)].repeat(events.len()));
        return Err(Fault::permanent(format!(
            "the instance {instance} belongs to another tenant or runs another service"
        )));
    }
    count(intake::take(tx.narrow(tenant).await?, &app.ambient, owner.as_ref(), events).await?);
    Ok(())
}

/// Whoever begins the instance now either is through and seen, or waits and sees what is parked.
async fn owner(tx: &mut CrossTenantTx, instance: InstanceId) -> sqlx::Result<Option<Owner>> {
    let owner = store::owner(tx, instance).await?;
    if owner.is_some() {
        return Ok(owner);
    }
    store::lock_instance(tx, instance).await?;
    store::owner(tx, instance).await
}

/// Attempts that are rolled back count, too.
fn count(verdicts: Vec<Verdict>) {
    let mut counts = BTreeMap::<Verdict, u64>::new();
    for verdict in verdicts {
        *counts.entry(verdict).or_default() += 1;
    }
    for (verdict, events) in counts {
        metrics::counter!("usage_events_total", "verdict" => verdict.name()).increment(events);
    }
}
