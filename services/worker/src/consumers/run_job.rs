//! `job.run.v1`: takes a job into the table, whatever its kind; a worker that knows it will run it.

use crate::{
    app::App,
    handlers::Handler,
    jobs::store::{self, Order},
};
use common::{db::TenantTx, trace};
use contracts::{
    envelope::source_of,
    messages::{Message as _, PRODUCTS, RunJob},
};
use messaging::{Delivery, Fault, Handle};

/// Longest kind, in bytes.
const LONGEST_KIND: usize = 100;
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
        if !may_order(self.handlers, &message.source, job) {
            return Err(Fault::permanent(format!("{} may not order a job of kind {}", message.source, job.kind)));
        }
        let traceparent = trace::current().map(|trace| trace.to_string());
        if !store::insert(tx, &Order { job, version, priority, traceparent }).await? {
            return Err(Fault::permanent("its id is another's, or 1,000 orders have joined the job of its key"));
        }
        Ok(())
    }
}

/// A product orders what belongs to its own bundle, also of a version that is not known here yet; and nothing whose kind
/// is not, as nobody asks again when a newer worker begins it.
fn may_order(handlers: &[Handler], source: &str, job: &RunJob) -> bool {
    let of_kind = handlers.iter().find(|handler| handler.kind == job.kind);
    match of_kind.map_or(RunJob::PUBLISHERS, |handler| handler.ordered_by) {
        PRODUCTS => job.payload["service"].as_str().is_some_and(|service| source_of(service) == source),
        services => {
            let mut services = services.iter().filter(|service| !PRODUCTS.contains(service));
            services.any(|service| source_of(service) == source)
        }
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
    if !(1..=LONGEST_KIND).contains(&job.kind.len()) {
        return Err("a job's kind has 1 to 100 bytes");
    }
    if job.unique_key.as_ref().is_some_and(|key| !(1..=LONGEST_KEY).contains(&key.len())) {
        return Err("a unique key has 1 to 200 bytes");
    }
    Ok((version, priority.into()))
}
