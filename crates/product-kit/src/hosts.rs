//! What is known of hosts: looked up once, remembered for a while, forgotten at each change that is announced.

use crate::{host::HostName, instance::Instance};
use common::problem::Problem;
use contracts::http::instances::HostRecord;
use moka::{Expiry, future::Cache};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

/// Hosts remembered at once; a scanner can make us look up names, but not keep more of them.
const MOST_HOSTS: u64 = 10_000;
/// An active instance is remembered this long; changes are announced sooner.
const ACTIVE: Duration = Duration::from_secs(60);
/// Anything is remembered no longer than this while changes are not announced.
const UNANNOUNCED: Duration = Duration::from_secs(2);
/// That there is no such host: short, since the next thing that happens to a new name is that it is made.
const UNKNOWN: Duration = Duration::from_secs(5);
/// That the tenant is suspended: whoever has just paid looks whether it is served.
const SUSPENDED: Duration = Duration::from_secs(5);
/// States that pass, and the form, which another browser may have submitted.
const PASSING: Duration = Duration::from_secs(1);

/// What lives on a host.
#[derive(Clone)]
pub(crate) enum HostStatus {
    /// There is none.
    Unknown,
    /// In a state that passes by itself.
    Changing,
    AwaitingSetup(Arc<HostRecord>),
    /// Its tenant is suspended, and nobody is served.
    Suspended,
    Active(Instance),
}

/// What is known of hosts, each for its own time.
pub(crate) struct Hosts {
    known: Cache<HostName, HostStatus>,
    /// Whether changes are announced to us right now.
    announced: Arc<AtomicBool>,
    /// Grows with each change we hear of.
    changes: AtomicU64,
}

impl Default for Hosts {
    fn default() -> Self {
        let announced = Arc::<AtomicBool>::default();
        let lifetimes = Lifetimes { announced: Arc::clone(&announced) };
        Self {
            known: Cache::builder().max_capacity(MOST_HOSTS).expire_after(lifetimes).build(),
            announced,
            changes: AtomicU64::new(0),
        }
    }
}

impl Hosts {
    /// What is known of `host`, or what `look_up` tells; many requests for one host wait for one look-up. Errors are
    /// not remembered.
    pub async fn get<F: Future<Output = Result<HostStatus, Problem>>>(
        &self,
        host: &HostName,
        look_up: impl FnOnce() -> F,
    ) -> Result<HostStatus, Problem> {
        let before = self.changes.load(SeqCst);
        let found = self
            .known
            .try_get_with(host.clone(), async { look_up().await })
            .await
            .map_err(|problem: Arc<Problem>| Problem::clone(&problem));
        // A look-up that was under way during a change may have seen what was before it: it must not be remembered.
        if self.changes.load(SeqCst) != before {
            self.known.invalidate(host).await;
        }
        found
    }

    pub async fn forget(&self, host: &str) {
        self.changes.fetch_add(1, SeqCst);
        if let Some(host) = HostName::parse(host) {
            self.known.invalidate(&host).await;
        }
    }

    pub fn subscribed(&self) {
        self.announced.store(true, SeqCst);
        self.forget_all();
    }

    pub fn unsubscribed(&self) {
        if self.announced.swap(false, SeqCst) {
            self.forget_all();
        }
    }

    /// Changes may have passed unheard.
    fn forget_all(&self) {
        self.changes.fetch_add(1, SeqCst);
        self.known.invalidate_all();
    }
}

struct Lifetimes {
    announced: Arc<AtomicBool>,
}

impl Expiry<HostName, HostStatus> for Lifetimes {
    fn expire_after_create(&self, _: &HostName, status: &HostStatus, _: Instant) -> Option<Duration> {
        let lifetime = match status {
            HostStatus::Unknown => UNKNOWN,
            HostStatus::Changing | HostStatus::AwaitingSetup(_) => PASSING,
            HostStatus::Suspended => SUSPENDED,
            HostStatus::Active(_) => ACTIVE,
        };
        Some(if self.announced.load(SeqCst) { lifetime } else { lifetime.min(UNANNOUNCED) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> HostName {
        HostName::parse("acme.localhost").unwrap()
    }

    async fn names_nobody(hosts: &Hosts, look_ups: &AtomicU64) -> bool {
        let look_up = || async {
            look_ups.fetch_add(1, SeqCst);
            Ok(HostStatus::Unknown)
        };
        matches!(hosts.get(&host(), look_up).await, Ok(HostStatus::Unknown))
    }

    #[tokio::test]
    async fn a_host_is_looked_up_once_and_again_after_a_change() {
        let (hosts, look_ups) = (Hosts::default(), AtomicU64::new(0));
        hosts.subscribed();
        for expected in [1, 1] {
            assert!(names_nobody(&hosts, &look_ups).await);
            assert_eq!(look_ups.load(SeqCst), expected);
        }
        hosts.forget("ACME.localhost").await;
        assert!(names_nobody(&hosts, &look_ups).await);
        assert_eq!(look_ups.load(SeqCst), 2);
    }

    #[tokio::test]
    async fn what_was_seen_before_a_change_is_not_remembered_after_it() {
        let (hosts, host, look_ups) = (Hosts::default(), host(), AtomicU64::new(0));
        let overtaken = hosts.get(&host, || async {
            hosts.forget("acme.localhost").await;
            Ok(HostStatus::Changing)
        });
        assert!(matches!(overtaken.await, Ok(HostStatus::Changing)));
        assert!(names_nobody(&hosts, &look_ups).await);
    }

    #[test]
    fn lifetimes_shrink_while_changes_are_not_announced() {
        let announced = Arc::new(AtomicBool::new(false));
        let lifetimes = Lifetimes { announced: Arc::clone(&announced) };
        let of = |status| lifetimes.expire_after_create(&host(), &status, Instant::now()).unwrap();
        assert_eq!((of(HostStatus::Unknown), of(HostStatus::Changing)), (UNANNOUNCED, PASSING));
        assert_eq!(of(HostStatus::Suspended), UNANNOUNCED);
        announced.store(true, SeqCst);
        assert_eq!((of(HostStatus::Unknown), of(HostStatus::Changing)), (UNKNOWN, PASSING));
        assert_eq!(of(HostStatus::Suspended), SUSPENDED);
    }
}
