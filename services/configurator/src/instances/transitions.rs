//! Moving an instance on to its next state, and ordering the job that this state waits for in the same transaction.

use super::{
    features,
    model::State,
    store::{self, Instance},
};
use crate::NAME;
use chrono::{DateTime, Utc};
use common::ambient::Ambient;
use contracts::{
    id::JobId,
    jobs::{BundlePart, MigrateInstance, SeedInstance},
    messages::{JobOutcome, RunJob},
};
use messaging::{OutboxError, publish_unscoped};
use sqlx::PgConnection;

/// What people are told when the worker gave no reason.
const NO_REASON: &str = "The job failed and gave no reason.";

/// Moves the locked instance on to `state`, orders the job that it waits for there, and gives the instant at which it entered.
pub async fn enter(
    conn: &mut PgConnection,
    ambient: &Ambient,
    instance: &Instance,
    state: State,
) -> Result<DateTime<Utc>, OutboxError> {
    let job = order(conn, ambient, instance, state).await?;
    let now = ambient.now();
    store::advance(conn, instance.id, state, job, now).await?;
    Ok(now)
}

/// Orders the job that `state` waits for, under a new id; `None` if it waits for none.
async fn order(
    conn: &mut PgConnection,
    ambient: &Ambient,
    instance: &Instance,
    state: State,
) -> Result<Option<JobId>, OutboxError> {
    if state.job().is_none() {
        return Ok(None);
    }
    let job_id = JobId(ambient.uuid());
    send(conn, ambient, instance, state, job_id).await?;
    Ok(Some(job_id))
}

/// Orders the very job that the locked instance waits for: one that has arrived meanwhile is not run twice.
pub async fn order_again(conn: &mut PgConnection, ambient: &Ambient, instance: &Instance) -> Result<(), OutboxError> {
    let Some(job) = instance.job_id else { return Ok(()) };
    send(conn, ambient, instance, instance.state, JobId(job)).await
}

/// The job that the locked instance waits for has ended: it moves on, or says why it does not.
pub async fn ended(
    conn: &mut PgConnection,
    ambient: &Ambient,
    instance: &Instance,
    outcome: JobOutcome,
    reason: Option<&str>,
) -> Result<(), OutboxError> {
    if outcome == JobOutcome::Failed {
        return Ok(store::fail(conn, instance.id, reason.unwrap_or(NO_REASON), ambient.now()).await?);
    }
    let awaited = instance.state.job().map(|(_, step)| step);
    let Some(state) = awaited.and_then(|step| instance.state.after(step)) else { return Ok(()) };
    let now = enter(conn, ambient, instance, state).await?;
    if state == State::Active {
        let modules = store::enable_modules(conn, instance.id, now).await?;
        features::enabled(conn, ambient, instance, &modules, now).await?;
    }
    Ok(())
}

/// Orders the job that `state` waits for; nothing if it waits for none.
async fn send(
    conn: &mut PgConnection,
    ambient: &Ambient,
    instance: &Instance,
    state: State,
    job_id: JobId,
) -> Result<(), OutboxError> {
    let modules = store::modules(conn, &[instance.id.0]).await?;
    let bundle = BundlePart {
        service: instance.service.clone(),
        bundle_version: instance.version.clone(),
        modules: modules.into_iter().filter(|module| module.removed_at.is_none()).map(|module| module.module).collect(),
    };
    let order = match state {
        State::Migrating => RunJob::of(job_id, instance.id, &MigrateInstance { bundle })?,
        State::Seeding => {
            RunJob::of(job_id, instance.id, &SeedInstance { bundle, settings: instance.settings.0.clone() })?
        }
        _ => return Ok(()),
    };
    publish_unscoped(conn, ambient, NAME, Some(instance.tenant_id), &order).await.map(drop)
}
