//! `job.run.v1`: takes a job into the table, whatever its kind; a worker that knows it will run it.

use crate::{app::App, handlers::Handler, jobs::store};
use common::db::TenantTx;
use contracts::{envelope::source_of, messages::RunJob};
use messaging::{Delivery, Fault, Handle};

impl Handle<RunJob> for App {
    type Tx = TenantTx;

    async fn handle(&self, tx: &mut TenantTx, message: &Delivery<RunJob>) -> Result<(), Fault> {
        let job = &message.data;
        let version = i32::try_from(job.version)
            .ok()
            .filter(|version| *version > 0)
            .ok_or_else(|| Fault::permanent("a job's version counts from 1"))?;
        if job.kind.is_empty() {
            return Err(Fault::permanent("a job has a kind"));
        }
        if let Some(known) = Handler::find(&job.kind, job.version)
            && !known.ordered_by.iter().any(|service| source_of(service) == message.source)
        {
            return Err(Fault::permanent(format!("{} may not order a job of kind {}", message.source, job.kind)));
        }
        Ok(store::insert(tx, job, version).await?)
    }
}
