//! A job has ended: the instance that waited for it moves on, or says why it does not.

use crate::{
    app::App,
    instances::{model, store, transitions},
};
use common::db::TenantTx;
use contracts::messages::JobFinished;
use messaging::{Delivery, Fault, Handle};

impl Handle<JobFinished> for App {
    type Tx = TenantTx;

    /// Only the job that the instance waits for counts; the end of an earlier one, told again or late, changes nothing.
    /// A job that has failed may still succeed, when an operator has it run again: then its instance goes on.
    async fn handle(&self, tx: &mut TenantTx, message: &Delivery<JobFinished>) -> Result<(), Fault> {
        let job = &message.data;
        let Some(id) = job.instance_id else { return Ok(()) };
        let Some(instance) = store::lock(tx, id).await?.filter(|instance| instance.job_id == Some(job.job_id.0)) else {
            tracing::info!(job_id = %job.job_id, instance_id = %id, "A job has ended that no instance waits for");
            return Ok(());
        };
        if model::job(instance.state).is_none_or(|(kind, _)| kind != job.kind) {
            return Err(Fault::permanent(format!(
                "an instance in state {:?} does not wait for a job of kind {}",
                instance.state, job.kind
            )));
        }
        Ok(transitions::ended(tx, &instance, job.outcome, job.reason.as_deref()).await?)
    }
}
