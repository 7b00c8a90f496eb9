//! A job has ended: the instance that waited for it moves on, or says why it does not.

use crate::{
    app::App,
    instances::{
        features,
        model::{State, Step},
        store::{self, Instance},
    },
    jobs,
};
use contracts::messages::{JobFinished, JobOutcome};
use messaging::{Delivery, Fault, Handle, OutboxError};
use sqlx::PgConnection;

/// What people are told when the worker gave no reason.
const NO_REASON: &str = "The job failed and gave no reason.";

impl Handle<JobFinished> for App {
    /// Only the job that the instance waits for counts; the end of an earlier one, told again or late, changes nothing.
    async fn handle(&self, tx: &mut PgConnection, message: &Delivery<JobFinished>) -> Result<(), Fault> {
        let job = &message.data;
        let Some(id) = job.instance_id else { return Ok(()) };
        let Some(instance) = store::lock(tx, id).await?.filter(|instance| instance.job_id == Some(job.job_id.0)) else {
            tracing::info!(job_id = %job.job_id, instance_id = %id, "The end of a job that no instance waits for");
            return Ok(());
        };
        let Some(step) = instance.state.done_by(&job.kind) else {
            return Err(Fault::permanent(format!("an instance in state {:?} does not wait for a job of kind {}", instance.state, job.kind)));
        };
        match job.outcome {
            JobOutcome::Failed => store::fail(tx, id, job.reason.as_deref().unwrap_or(NO_REASON), self.ambient.now()).await?,
            JobOutcome::Succeeded => self.go_on(tx, &instance, step).await?,
        }
        Ok(())
    }
}

impl App {
    async fn go_on(&self, tx: &mut PgConnection, instance: &Instance, step: Step) -> Result<(), OutboxError> {
        let Some(state) = instance.state.after(step) else { return Ok(()) };
        let now = jobs::enter(tx, &self.ambient, instance, state).await?;
        if state == State::Active {
            let modules = store::enable_modules(tx, instance.id, now).await?;
            features::enabled(tx, &self.ambient, instance, &modules, now).await?;
        }
        Ok(())
    }
}
