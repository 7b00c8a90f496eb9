//! Rules of jobs: what is one, when is it tried again, and when is it given up?

use common::backoff::Backoff;
use contracts::id::{JobId, TenantId};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// What a commit that queues jobs wakes the dispatcher for.
pub(crate) const WORK: &str = "jobs";
/// Jobs that name no bundle.
const NONE: &str = "";

/// Of a handler.
pub type KindAndVersion = (&'static str, u32);

/// A job that a transient fault of its own has stopped so often is given up: with the waits below, after some half an
/// hour.
pub const MOST_ATTEMPTS: i32 = 40;
/// A job that so many workers died of, or lost, is given up: it is the likely cause.
pub const MOST_TAKEOVERS: i32 = 5;

/// Waits after transient faults and outages. No jitter: the dispatcher's rate spreads them.
pub(crate) const WAITS: Backoff = Backoff { base: Duration::from_secs(1), factor: 2, cap: Duration::from_secs(60) };

/// Kinds, versions and bundles that go together, one for one, as queries take them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Can {
    pub kinds: Vec<String>,
    pub versions: Vec<i32>,
    /// `forum/1.0.0`
    pub bundles: Vec<String>,
}

impl Can {
    /// Every handler needs a bundle; a job that names none, or none that could be, it can only refuse.
    pub fn with(handlers: &[KindAndVersion], bundles: &[String]) -> Self {
        let mut can = Self::default();
        for (kind, version) in handlers {
            for bundle in bundles.iter().map(String::as_str).chain([NONE]) {
                can.kinds.push((*kind).to_owned());
                can.versions.push(version.cast_signed());
                can.bundles.push(bundle.to_owned());
            }
        }
        can
    }
}

/// A job that this process has taken.
#[derive(Debug)]
pub struct Claimed {
    pub id: JobId,
    /// Proof that it is ours.
    pub(crate) lease: Uuid,
    pub kind: String,
    pub version: i32,
    /// `forum/1.0.0`, or empty.
    pub bundle: String,
    /// Whose rows the job's transactions touch.
    pub tenant_id: TenantId,
    pub instance_id: Option<Uuid>,
    pub payload: Value,
    pub attempts: i32,
    pub takeovers: i32,
    /// How often in a row it was put off because something else was away.
    pub outages: i32,
    /// How often operators had it run again, and once more.
    pub run: i32,
    /// Who cancelled it before it was taken.
    pub cancelled_by: Option<String>,
    /// W3C Trace Context of its order.
    pub traceparent: Option<String>,
    /// Other orders may have joined it.
    pub unique: bool,
}

/// Who takes, what it can run, for how long it is given, and how many jobs.
pub struct Claim<'a> {
    pub worker: &'a str,
    /// Fresh for each claim.
    pub lease: Uuid,
    pub can: &'a Can,
    pub duration: Duration,
    pub most: u32,
}

/// How many jobs wait or run.
pub(crate) struct Counts {
    pub queued: i64,
    pub snoozed: i64,
    pub running: i64,
    /// Queued jobs that the asking worker cannot do.
    pub left: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_last_half_an_hour() {
        let whole: Duration = (1..MOST_ATTEMPTS.unsigned_abs()).map(|attempt| WAITS.ceiling(attempt)).sum();
        assert!(whole > Duration::from_secs(30 * 60), "{whole:?}");
    }
}
