//! Something was metered, one event or many at once: each is kept once, under its key, and what does not count is
//! parked.

use super::tenant;
use crate::{
    app::App,
    usage::{
        intake::{self, NotTaken},
        model::Verdict,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use common::db::CrossTenantTx;
use contracts::{
    envelope::source_of,
    messages::{Message, UsageBatchRecorded, UsageRecorded},
};
use messaging::{Delivery, Fault, Handle};
use std::time::Duration;

/// Before a message for which there was no room is looked at again.
const NO_ROOM: Duration = Duration::from_secs(5 * 60);
/// After this it waits in the dead-letter queue; SQS itself forgets messages after 14 days.
const NO_ROOM_FOR: TimeDelta = TimeDelta::days(7);

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
        Ok(verdicts) => room(&verdicts, message.time, app.ambient.now()),
        Err(NotTaken::Foreign(instance)) => {
            Err(Fault::permanent(format!("the instance {instance} belongs to another tenant or runs another service")))
        }
        Err(NotTaken::Database(error)) => Err(error.into()),
    }
}

/// What would count by itself, and for which there is no room now, comes back later with its whole message. What does
/// not count anyway holds up nothing: its verdict is counted and logged, and the message is in the history.
fn room(verdicts: &[Verdict], said_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Fault> {
    if !verdicts.iter().any(|verdict| matches!(verdict, Verdict::Full(reason) if reason.passes())) {
        return Ok(());
    }
    let why = "too much usage of this tenant and service waits for its instance or its time already";
    if now - said_at > NO_ROOM_FOR {
        return Err(Fault::permanent(format!("{why}, for {} days now", NO_ROOM_FOR.num_days())));
    }
    Err(Fault::snooze(NO_ROOM, why))
}
