//! What was the worker told by its environment?

use common::{
    config::{Base, Database, Env, url},
    server::FINISH_WITHIN,
};
use std::{path::PathBuf, time::Duration};

/// More jobs at once than this need more database connections than a worker has.
const MOST_SLOTS: u32 = 100;
/// Faster than this, asking for the next job is what limits.
const HIGHEST_RATE: u32 = 10_000;
/// A heartbeat needs room within a lease; a dead worker's jobs wait for a lease's end.
const LEASE_SECONDS: std::ops::RangeInclusive<u32> = 1..=3600;

#[derive(Clone, Debug)]
pub struct Config {
    pub base: Base,
    pub database: Database,
    /// Base URL of the configurator, which has the credentials of instances.
    pub configurator_url: String,
    /// Holds `<service>/<version>/manifest.toml` and what belongs to it.
    pub bundles_dir: PathBuf,
    /// Jobs begun a second by this process, at most.
    pub jobs_per_second: u32,
    /// Jobs run at once by this process, at most.
    pub job_concurrency: u32,
    /// A job not heard of for this long is taken over by another worker.
    pub job_lease: Duration,
    /// How long running jobs may still run after the order to stop.
    pub drain: Duration,
}

pub fn read(env: &mut Env) -> Option<Config> {
    let base = Base::read(env, "worker", 8006);
    let database = Database::read(env);
    let configurator_url = url(env, "CONFIGURATOR_URL");
    let bundles_dir = env.required("BUNDLES_DIR");
    let jobs_per_second = between(env, "JOBS_PER_SECOND", 50, 1..=HIGHEST_RATE);
    let job_concurrency = between(env, "JOB_CONCURRENCY", 4, 1..=MOST_SLOTS);
    let job_lease = between(env, "JOB_LEASE_SECONDS", 15, LEASE_SECONDS);
    Some(Config {
        base: base?,
        database: database?,
        configurator_url: configurator_url?,
        bundles_dir: bundles_dir?,
        jobs_per_second: jobs_per_second?,
        job_concurrency: job_concurrency?,
        job_lease: Duration::from_secs(job_lease?.into()),
        drain: FINISH_WITHIN,
    })
}

fn between(env: &mut Env, name: &str, default: u32, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
    let value = env.or(name, default)?;
    if !range.contains(&value) {
        env.fault(format!("{name} must be {} to {}", range.start(), range.end()));
    }
    range.contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_told() {
        let mut env = Env::new([("JOB_CONCURRENCY".into(), "0".into()), ("JOB_LEASE_SECONDS".into(), "soon".into())]);
        let config = read(&mut env);
        let message = env.finish(config).unwrap_err().to_string();
        for fault in [
            "JOB_CONCURRENCY must be 1 to 100",
            "JOB_LEASE_SECONDS: ",
            "BUNDLES_DIR is missing",
            "CONFIGURATOR_URL is missing",
        ] {
            assert!(message.contains(fault), "{fault} not in {message}");
        }
    }
}
