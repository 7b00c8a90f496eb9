//! Intake of metered events: a verdict for each, in a few statements however many they are, and none spoils another.

use super::{
    event_store,
    insert_store::Receipt,
    model::{Owner, Reason, Verdict, hindrance},
    parked, store,
};
use chrono::SubsecRound;
use common::{
    ambient::Ambient,
    db::{CrossTenantTx, TenantTx},
};
use contracts::{
    id::{InstanceId, TenantId},
    messages::UsageRecorded,
};
use std::collections::BTreeMap;

/// PostgreSQL keeps microseconds.
const KEPT_DIGITS: u16 = 6;

/// Why nothing is taken.
#[derive(Debug)]
pub enum NotTaken {
    /// The instance is another tenant's, or runs another service.
    Foreign(InstanceId),
    Database(sqlx::Error),
}

impl From<sqlx::Error> for NotTaken {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// Takes events of one instance, which the caller says is `tenant`'s.
pub async fn take_of_instance(
    tx: &mut CrossTenantTx,
    ambient: &Ambient,
    tenant: TenantId,
    events: Vec<UsageRecorded>,
) -> Result<Vec<Verdict>, NotTaken> {
    let Some(UsageRecorded { instance_id, service, .. }) = events.first() else { return Ok(Vec::new()) };
    let owner = owner(tx, *instance_id).await?;
    if owner.as_ref().is_some_and(|owner| owner.tenant != tenant || owner.service != *service) {
        count(&[Verdict::Parked(Reason::InstanceOfAnother)].repeat(events.len()));
        return Err(NotTaken::Foreign(*instance_id));
    }
    let verdicts = take(tx.narrow(tenant).await?, ambient, owner.as_ref(), events).await?;
    count(&verdicts);
    Ok(verdicts)
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
fn count(verdicts: &[Verdict]) {
    let mut counts = BTreeMap::<Verdict, u64>::new();
    for verdict in verdicts {
        *counts.entry(*verdict).or_default() += 1;
    }
    for (verdict, events) in counts {
        metrics::counter!("usage_events_total", "verdict" => verdict.name()).increment(events);
    }
}

/// Takes events of the transaction's tenant; `owner` is whose their instance is, if that is known.
async fn take(
    tx: &mut TenantTx,
    ambient: &Ambient,
    owner: Option<&Owner>,
    mut events: Vec<UsageRecorded>,
) -> sqlx::Result<Vec<Verdict>> {
    for event in &mut events {
        event.occurred_at = event.occurred_at.trunc_subsecs(KEPT_DIGITS);
    }
    let now = ambient.now();
    let mut verdicts: Vec<_> =
        events.iter().map(|event| hindrance(tx.tenant(), event, owner, now).map(Verdict::Parked)).collect();
    let open: Vec<_> = verdicts.iter().zip(0..).filter_map(|(verdict, at)| verdict.is_none().then_some(at)).collect();
    let counted: Vec<_> = open.iter().map(|at: &usize| &events[*at]).collect();
    for (at, receipt) in open.iter().zip(event_store::record(tx, ambient, &counted).await?) {
        verdicts[*at] = Some(match receipt {
            Receipt::New => Verdict::Accepted,
            Receipt::Duplicate => Verdict::Duplicate,
            Receipt::Conflict => Verdict::Parked(Reason::KeyUsed),
        });
    }
    let mut verdicts: Vec<_> = verdicts.into_iter().flatten().collect();
    park(tx, ambient, &mut verdicts, &events).await?;
    Ok(verdicts)
}

/// Keeps what does not count, and corrects the verdicts of what there is no room for.
async fn park(
    tx: &mut TenantTx,
    ambient: &Ambient,
    verdicts: &mut [Verdict],
    events: &[UsageRecorded],
) -> sqlx::Result<()> {
    let unfit = verdicts.iter_mut().zip(events).filter_map(|(verdict, event)| match *verdict {
        Verdict::Parked(reason) => Some((verdict, (event, reason))),
        Verdict::Accepted | Verdict::Duplicate | Verdict::Full(_) => None,
    });
    let (verdicts, unfit): (Vec<_>, Vec<_>) = unfit.unzip();
    let kept = parked::park(tx, ambient, &unfit).await?;
    for ((verdict, (_, reason)), _) in verdicts.into_iter().zip(unfit).zip(kept).filter(|(_, kept)| !kept) {
        *verdict = Verdict::Full(reason);
    }
    Ok(())
}
