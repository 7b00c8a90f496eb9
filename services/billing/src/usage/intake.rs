//! Intake of metered events: a verdict for each, in a few statements however many they are, and none spoils another.

use super::{
    event_store,
    insert_store::Receipt,
    model::{Reason, Verdict, hindrance},
    parked,
    store::Owner,
};
use chrono::SubsecRound;
use common::{ambient::Ambient, db::TenantTx};
use contracts::messages::UsageRecorded;
use std::collections::HashMap;

/// PostgreSQL keeps microseconds.
const KEPT_DIGITS: u16 = 6;

/// Takes events of the transaction's tenant; `owner` is whose their instance is, if that is known.
pub async fn take(
    tx: &mut TenantTx,
    ambient: &Ambient,
    owner: Option<&Owner>,
    mut events: Vec<UsageRecorded>,
) -> sqlx::Result<Vec<Verdict>> {
    for event in &mut events {
        event.occurred_at = event.occurred_at.trunc_subsecs(KEPT_DIGITS);
    }
    let now = ambient.now();
    let mut verdicts: Vec<_> = first_look(&events)
        .into_iter()
        .zip(&events)
        .map(|(seen, event)| seen.or_else(|| hindrance(tx.tenant(), event, owner, now).map(Verdict::Parked)))
        .collect();
    let open: Vec<_> = verdicts.iter().zip(0..).filter_map(|(verdict, at)| verdict.is_none().then_some(at)).collect();
    let counted: Vec<_> = open.iter().map(|at: &usize| &events[*at]).collect();
    for (at, receipt) in open.iter().zip(event_store::record(tx, ambient, &counted).await?) {
        verdicts[*at] = Some(match receipt {
            Receipt::New => Verdict::Accepted,
            Receipt::Duplicate => Verdict::Duplicate,
            Receipt::Conflict => Verdict::Parked(Reason::KeyUsed),
        });
    }
    let verdicts: Vec<_> = verdicts.into_iter().flatten().collect();
    let unfit = verdicts.iter().zip(&events).filter_map(|(verdict, event)| match verdict {
        Verdict::Parked(reason) => Some((event, *reason)),
        Verdict::Accepted | Verdict::Duplicate => None,
    });
    parked::park(tx, ambient, unfit.collect()).await?;
    Ok(verdicts)
}

/// What is clear of an event by those before it in the same message.
fn first_look(events: &[UsageRecorded]) -> Vec<Option<Verdict>> {
    let mut firsts = HashMap::new();
    let mut verdicts = Vec::with_capacity(events.len());
    for event in events {
        let first: &UsageRecorded = firsts.entry((&event.service, &event.key)).or_insert(event);
        verdicts.push(match std::ptr::eq(first, event) {
            true => None,
            false if first == event => Some(Verdict::Duplicate),
            false => Some(Verdict::Parked(Reason::KeyUsed)),
        });
    }
    verdicts
}
