//! `job.run.v1`: takes a job into the table, whatever its kind; a worker that knows it will run it.

use crate::{
    app::App,
    handlers::Handler,
    jobs::store::{self, Order},
};
use common::{db::TenantTx, trace};
use contracts::{
    envelope::source_of,
    messages::{PRODUCTS, RunJob},
};
use messaging::{Delivery, Fault, Handle};
use serde_json::Value;

/// Longest key, in bytes.
const LONGEST_KEY: usize = 200;
/// Of a job whose order names none.
const PRIORITY: u8 = 5;

impl Handle<RunJob> for App {
    type Tx = TenantTx;
    const SHARES_COMMIT: bool = true;

    async fn handle(&self, tx: &mut TenantTx, message: &Delivery<RunJob>) -> Result<(), Fault> {
        let job = &message.data;
        let (version, priority) = checked(job).map_err(Fault::permanent)?;
        if let Some(known) = Handler::find(self.handlers, &job.kind, job.version)
            && !may_order(known, &message.source, &job.payload)
        {
            return Err(Fault::permanent(format!("{} may not order a job of kind {}", message.source, job.kind)));
        }
        let traceparent = trace::current().map(|trace| trace.to_string());
        Ok(store::insert(tx, &Order { job, version, priority, traceparent }).await?)
    }
}

/// A product orders what belongs to its own bundle.
fn may_order(handler: &Handler, source: &str, payload: &Value) -> bool {
    match handler.ordered_by {
        PRODUCTS => payload["service"].as_str().is_some_and(|service| source_of(service) == source),
        services => services.iter().any(|service| source_of(service) == source),
    }
}

/// Version and priority, if everything is as it must be.
fn checked(job: &RunJob) -> Result<(i32, i16), &'static str> {
    let version = i32::try_from(job.version).ok().filter(|version| *version > 0);
    let version = version.ok_or("a job's version counts from 1")?;
    let priority = job.priority.unwrap_or(PRIORITY);
    if !(1..=9).contains(&priority) {
        return Err("a job's priority is 1 to 9");
    }
    if job.kind.is_empty() {
        return Err("a job has a kind");
    }
    if job.unique_key.as_ref().is_some_and(|key| !(1..=LONGEST_KEY).contains(&key.len())) {
        return Err("a unique key has 1 to 200 bytes");
    }
    Ok((version, priority.into()))
}
