//! Which background work does an instance need next? The job that its state waits for, ordered in the transaction that enters the state.

use crate::{
    NAME,
    instances::{features, model::State, store, store::Instance},
};
use chrono::{DateTime, Utc};
use common::ambient::Ambient;
use contracts::{
    id::JobId,
    jobs::InstancePayload,
    messages::{JobOutcome, RunJob},
};
use messaging::{OutboxError, publish};
use sqlx::PgConnection;

/// Version of the payload; a worker that does not know it leaves the job to one that does.
const VERSION: u32 = 1;
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
    let Some(kind) = state.job() else { return Ok(None) };
    let job_id = JobId(ambient.uuid());
    send(conn, ambient, instance, kind, job_id).await?;
    Ok(Some(job_id))
}

/// Orders the very job that the locked instance waits for: one that has arrived meanwhile is not run twice.
pub async fn order_again(conn: &mut PgConnection, ambient: &Ambient, instance: &Instance) -> Result<(), OutboxError> {
    let (Some(kind), Some(job)) = (instance.state.job(), instance.job_id) else { return Ok(()) };
    send(conn, ambient, instance, kind, JobId(job)).await
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
    let step = instance.state.job().and_then(|kind| instance.state.done_by(kind));
    let Some(state) = step.and_then(|step| instance.state.after(step)) else { return Ok(()) };
    let now = enter(conn, ambient, instance, state).await?;
    if state == State::Active {
        let modules = store::enable_modules(conn, instance.id, now).await?;
        features::enabled(conn, ambient, instance, &modules, now).await?;
    }
    Ok(())
}

async fn send(
    conn: &mut PgConnection,
    ambient: &Ambient,
    instance: &Instance,
    kind: &str,
    job_id: JobId,
) -> Result<(), OutboxError> {
    let modules = store::modules(conn, &[instance.id.0]).await?;
    let payload = InstancePayload {
        service: instance.service.clone(),
        bundle_version: instance.version.clone(),
        modules: modules.into_iter().filter(|module| module.removed_at.is_none()).map(|module| module.module).collect(),
        settings: instance.settings.0.clone(),
    };
    let payload = serde_json::to_value(payload)?;
    let command = RunJob { job_id, kind: kind.into(), version: VERSION, instance_id: Some(instance.id), payload };
    publish(conn, ambient, NAME, Some(instance.tenant_id), &command).await.map(drop)
}
