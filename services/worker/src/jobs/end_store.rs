//! SQL of the ends of jobs.

use super::end::{End, Verdict};
use common::db::CrossTenantTx;
use contracts::{id::JobId, messages::JobFinished};
use messaging::{About, OutboxError};
use serde_json::Value;

/// Ends those of the jobs that are still leased as their ends say.
pub(crate) async fn finish(tx: &mut CrossTenantTx, ends: &[&End]) -> sqlx::Result<Vec<JobId>> {
    let ids: Vec<_> = ends.iter().map(|end| end.job_id.0).collect();
    let tenants: Vec<_> = ends.iter().map(|end| end.tenant.0).collect();
    let leases: Vec<_> = ends.iter().map(|end| end.lease).collect();
    let (mut states, mut reasons, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
    for end in ends {
        states.push(end.verdict.state().to_owned());
        reasons.push(end.verdict.reason().map(str::to_owned));
        outputs.push(if let Verdict::Succeeded(output) = &end.verdict { output.clone() } else { None });
    }
    let ours = sqlx::query_file_scalar!(
        "src/jobs/sql/finish.sql",
        &ids,
        &tenants,
        &leases,
        &states,
        &reasons as &[Option<String>],
        &outputs as &[Option<Value>]
    );
    Ok(ours.fetch_all(&mut **tx).await?.into_iter().map(JobId).collect())
}

/// Tells the ends, also to those whose orders have joined a job.
pub(crate) async fn tell<'a>(tx: &mut CrossTenantTx, ends: impl Iterator<Item = &'a End>) -> Result<(), OutboxError> {
    let ends: Vec<_> = ends.collect();
    let mut told: Vec<About<JobFinished>> = ends.iter().map(|end| end.told(end.job_id)).collect();
    let shared: Vec<_> = ends.iter().filter(|end| end.unique).map(|end| end.job_id.0).collect();
    if !shared.is_empty() {
        let joined = sqlx::query!("SELECT id, job_id FROM job_orders WHERE job_id = ANY($1) ORDER BY id", &shared);
        for order in joined.fetch_all(&mut **tx).await? {
            let end = ends.iter().find(|end| end.job_id.0 == order.job_id);
            told.extend(end.map(|end| end.told(JobId(order.id))));
        }
    }
    messaging::publish_all(tx, &told).await
}
