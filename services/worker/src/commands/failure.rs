//! `bundle.failure` v1: tells a product that a job of one of its commands has ended without success. The database orders
//! it with that end (`0046_failures_of_commands.sql`).

use super::handover;
use crate::{
    handlers::{Fault, Handle, Run},
    instances::{access, bundle::Bundle, order},
};
use contracts::jobs::{BundlePart, TellFailure};
use serde_json::Value;
use std::time::Duration;

impl Handle for TellFailure {
    const LONGEST: Duration = Duration::from_secs(600);

    async fn handle(self, run: &Run<'_>) -> Result<Option<Value>, Fault> {
        let instance = order::instance(run.job)?;
        let (service, bundle_version) = (self.service, self.bundle_version);
        let part = BundlePart { service, bundle_version, modules: Vec::new() };
        let bundle = Bundle::open(&run.settings.bundles_dir, &part).await?;
        let command = bundle.manifest.commands.iter().find(|command| command.name == self.command);
        let Some(function) = command.and_then(|command| command.failure.as_deref()) else {
            run.log("the command names no function that is told of failures").await;
            return Ok(None);
        };
        let credentials = access::fetch(run, instance).await?;
        if credentials.service.as_ref().is_some_and(|of| *of != part.service) {
            return Err(Fault::permanent(format!("the instance is not one of {}", part.service)));
        }
        let telling = handover::tell_failure(&credentials, run.job.id, self.job_id, function, &self.reason);
        let told = handover::in_time(telling).await?;
        run.log(&if told { format!("told {function}") } else { "the job has succeeded since".to_owned() }).await;
        Ok(None)
    }
}
