//! Jobs whose end was not heard of: what became of them? The worker is asked; a job that it does not know is ordered
//! again under the same id.

use super::{BATCH, LEASE, store, store::Overdue};
use crate::{
    app::App,
    instances::{
        self,
        store::{Instance, fail},
        transitions,
    },
};
use access::client::ClientError;
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    db::{Background, TenantScope, TenantTx},
    problem::Chain,
};
use contracts::{
    http::jobs::{JobProgress, JobState},
    messages::JobOutcome,
};
use messaging::OutboxError;

/// Between two questions about the same job.
const AGAIN: TimeDelta = TimeDelta::seconds(60);
/// A job that has not ended by then gets a reason, and people may retry or cancel. The worker itself tries for half an
/// hour.
const LONGEST: TimeDelta = TimeDelta::hours(1);
/// A job is ordered again so often, after 1, 2, 4, 8 and 16 minutes, until people are told.
const MOST_ORDERS: i32 = 5;

const SLOW: &str = "The job has not ended for an hour. If it does, the instance goes on by itself.";
const AWAY: &str =
    "The worker has told nothing of the job for an hour. If it ends well, the instance goes on by itself.";
const NOT_TAKEN: &str = "The job was ordered again and again, and no worker has taken it.";

pub async fn ask(app: &App, background: Background) -> sqlx::Result<usize> {
    let now = app.ambient.now();
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let overdue = store::take_overdue(&mut tx, now, now + LEASE, BATCH).await?;
    tx.commit().await?;
    for instance in &overdue {
        let told = app.worker.job(instance.job).await;
        if let Err(error) = &told {
            tracing::warn!(error = %Chain(error), job_id = %instance.job, instance_id = %instance.id,
                "The worker tells nothing of a job");
        }
        match settle(app, &background.scope(&app.db, instance.tenant_id), instance, told).await {
            Ok(()) => {}
            Err(OutboxError::Database(error)) => return Err(error),
            Err(error) => {
                tracing::error!(error = %Chain(&error), instance_id = %instance.id,
                    "The end of a job cannot be written down")
            }
        }
    }
    Ok(overdue.len())
}

/// Acts on what the worker told, unless the instance has gone on meanwhile.
async fn settle(
    app: &App,
    tenant: &TenantScope,
    overdue: &Overdue,
    told: Result<Option<JobProgress>, ClientError>,
) -> Result<(), OutboxError> {
    let mut tx = tenant.begin().await?;
    let instance = instances::store::lock(&mut tx, overdue.id).await?;
    let waits = |instance: &Instance| instance.job_id == Some(overdue.job.0) && instance.reason.is_none();
    let Some(instance) = instance.filter(waits) else { return Ok(()) };
    let now = app.ambient.now();
    let is_late = now - instance.state_since >= LONGEST;
    match told {
        Ok(Some(JobProgress { state: JobState::Succeeded, .. })) => {
            transitions::ended(&mut tx, &instance, JobOutcome::Succeeded, None).await?
        }
        Ok(Some(JobProgress { state: JobState::Failed, reason, .. })) => {
            transitions::ended(&mut tx, &instance, JobOutcome::Failed, reason.as_deref()).await?
        }
        // The order has not arrived, or never will.
        Ok(None) if instance.refusals >= MOST_ORDERS => fail(&mut tx, instance.id, NOT_TAKEN, now).await?,
        Ok(None) => order_again(&mut tx, &instance, now).await?,
        Ok(Some(_)) if is_late => fail(&mut tx, instance.id, SLOW, now).await?,
        Err(_) if is_late => fail(&mut tx, instance.id, AWAY, now).await?,
        Ok(Some(_)) | Err(_) => store::look_again(&mut tx, instance.id, now + AGAIN).await?,
    }
    Ok(tx.commit().await?)
}

async fn order_again(tx: &mut TenantTx, instance: &Instance, now: DateTime<Utc>) -> Result<(), OutboxError> {
    transitions::order_again(tx, instance).await?;
    tracing::warn!(instance_id = %instance.id, times = instance.refusals + 1, "No worker knows the instance's job, so \
        it is ordered again");
    let wait = AGAIN * 2_i32.pow(instance.refusals.unsigned_abs().min(MOST_ORDERS.unsigned_abs()));
    Ok(store::ordered_again(tx, instance.id, now + wait).await?)
}
