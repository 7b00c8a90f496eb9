//! Moving an instance on to its next state, and ordering the job that this state waits for in the same transaction.

use super::{
    features,
    model::{self, InstanceState},
    store::{self, Instance},
};
use chrono::{DateTime, Utc};
use common::db::{Scoped, TenantTx};
use contracts::{
    id::JobId,
    jobs::{BundlePart, MigrateInstance, SeedInstance},
    messages::{JobOutcome, RunJob},
};
use messaging::{OutboxError, publish};

/// What people are told when the worker gave no reason.
const NO_REASON: &str = "The job failed and gave no reason.";

/// Moves the locked instance on to `state`, orders the job that it waits for there, and gives the instant at which it
/// entered.
pub async fn enter(tx: &mut TenantTx, instance: &Instance, state: InstanceState) -> Result<DateTime<Utc>, OutboxError> {
    let job = order(tx, instance, state).await?;
    let now = tx.db().ambient().now();
    store::advance(tx, instance.id, state, job, now).await?;
    Ok(now)
}

/// Orders the job that `state` waits for, under a new id; `None` if it waits for none.
async fn order(tx: &mut TenantTx, instance: &Instance, state: InstanceState) -> Result<Option<JobId>, OutboxError> {
    if model::job(state).is_none() {
        return Ok(None);
    }
    let job_id = JobId(tx.db().ambient().uuid());
    send(tx, instance, state, job_id).await?;
    Ok(Some(job_id))
}

/// Orders the very job that the locked instance waits for: one that has arrived meanwhile is not run twice.
pub async fn order_again(tx: &mut TenantTx, instance: &Instance) -> Result<(), OutboxError> {
    let Some(job) = instance.job_id else { return Ok(()) };
    send(tx, instance, instance.state, JobId(job)).await
}

/// The job that the locked instance waits for has ended: it moves on, or says why it does not.
pub async fn ended(
    tx: &mut TenantTx,
    instance: &Instance,
    outcome: JobOutcome,
    reason: Option<&str>,
) -> Result<(), OutboxError> {
    if outcome == JobOutcome::Failed {
        let now = tx.db().ambient().now();
        return Ok(store::fail(tx, instance.id, reason.unwrap_or(NO_REASON), now).await?);
    }
    let awaited = model::job(instance.state).map(|(_, step)| step);
    let Some(state) = awaited.and_then(|step| model::after(instance.state, step)) else { return Ok(()) };
    let now = enter(tx, instance, state).await?;
    if state == InstanceState::Active {
        let modules = store::enable_modules(tx, instance.id, now).await?;
        features::enabled(tx, instance, &modules, now).await?;
    }
    Ok(())
}

/// Orders the job that `state` waits for; nothing if it waits for none.
async fn send(tx: &mut TenantTx, instance: &Instance, state: InstanceState, job_id: JobId) -> Result<(), OutboxError> {
    let modules = store::modules(tx, &[instance.id.0]).await?;
    let bundle = BundlePart {
        service: instance.service.clone(),
        bundle_version: instance.version.clone(),
        modules: modules.into_iter().filter(|module| module.removed_at.is_none()).map(|module| module.module).collect(),
    };
    let order = match state {
        InstanceState::Migrating => RunJob::of(job_id, instance.id, &MigrateInstance { bundle })?,
        InstanceState::Seeding => {
            RunJob::of(job_id, instance.id, &SeedInstance { bundle, settings: instance.settings.0.clone() })?
        }
        _ => return Ok(()),
    };
    publish(tx, &order).await.map(drop)
}
