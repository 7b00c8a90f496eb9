//! The worker's own settings.

use common::server::FINISH_WITHIN;
use std::{path::PathBuf, time::Duration};

/// Where the image of a product has its bundles.
const BUNDLES: &str = "/usr/share/sevenleague/bundles";
/// More jobs at once than this need more database connections than a worker has.
const MOST_SLOTS: u32 = 100;
/// Faster than this, asking for the next job is what limits.
const HIGHEST_RATE: u32 = 10_000;
/// Shorter jobs are waited for when a task is to end.
const LONG_JOB: Duration = Duration::from_secs(10);
/// A heartbeat needs room within a lease; a dead worker's jobs wait for a lease's end.
const LONGEST_LEASE: u64 = 3600;

common::settings! {
    #[derive(Clone, Debug)]
    pub struct Settings {
        /// Base URL of the configurator, which has the credentials of instances.
        pub configurator_url: String = url("CONFIGURATOR_URL"),
        /// Base URL of billing, whose outbox the console shows; a product's worker needs none.
        pub billing_url: Option<String> = optional("BILLING_URL"),
        /// Holds `<service>/<version>/manifest.toml` and what belongs to it; a worker without that folder has no
        /// bundles.
        pub bundles_dir: PathBuf = or("BUNDLES_DIR", BUNDLES),
        /// The bucket of S3 with the objects of the product's instances. A worker without one lets jobs with objects
        /// wait.
        pub objects_bucket: Option<String> = optional("OBJECTS_BUCKET"),
        /// Jobs begun a second by this process, at most.
        pub jobs_per_second: u32 = between("JOBS_PER_SECOND", 50, 1..=HIGHEST_RATE),
        /// Jobs run at once by this process, at most.
        pub job_concurrency: u32 = between("JOB_CONCURRENCY", 4, 1..=MOST_SLOTS),
        /// Seconds after which a job that was not heard of is taken over by another worker.
        pub job_lease: Duration = between("JOB_LEASE_SECONDS", 15, 1..=LONGEST_LEASE) => Duration::from_secs,
        /// Where ECS's agent takes orders to protect the task while a long job runs; ECS sets it.
        pub ecs_agent: Option<String> = optional("ECS_AGENT_URI"),
        /// A job that runs for so long is a long one; what tests make shorter.
        pub long_job: Duration = with(|_| Some(LONG_JOB)),
        /// The worker's binary, which supervises commands; another one where it runs inside of a test.
        pub supervisor: PathBuf = with(|_| Some("/proc/self/exe".into())),
        /// Where each command has a folder while it runs.
        pub scratch: PathBuf = with(|_| Some(std::env::temp_dir())),
        /// How long running jobs may still run after the order to stop; what tests make shorter.
        pub drain: Duration = with(|_| Some(FINISH_WITHIN)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::config::Env;

    #[test]
    fn numbers_out_of_range_are_told() {
        let mut env = Env::new([("JOB_CONCURRENCY".into(), "0".into()), ("JOB_LEASE_SECONDS".into(), "soon".into())]);
        let settings = Settings::read(&mut env);
        let message = env.finish(settings).unwrap_err().to_string();
        for fault in ["JOB_CONCURRENCY must be 1 to 100", "JOB_LEASE_SECONDS: ", "CONFIGURATOR_URL is missing"] {
            assert!(message.contains(fault), "{fault} not in {message}");
        }
    }
}
