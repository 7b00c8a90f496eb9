//! The dispatcher, which begins jobs as soon as there are slots, at the configured rate, in whichever worker asks
//! first.

use crate::{
    app::App,
    attempt,
    ends::Ends,
    handlers::{Handler, Run},
    jobs::{
        claim::{self, Begun},
        lease_store,
        model::{Claim, Claimed, WORK},
    },
    pace::Pace,
    protection::{self, Running},
};
use common::{db::Background, poller::Poller, server::GiveUp, trace};
use std::{
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep},
};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tracing::Instrument;

/// Looks for jobs this often even if no commit woke it: other processes queue jobs, and leases end.
const POLL: Duration = Duration::from_secs(1);
/// A claim that found nothing is not repeated sooner; a lane may be another claim's for a moment.
const PAUSE: Duration = Duration::from_millis(10);
/// How often waiting jobs are counted.
const MEASURE: Duration = Duration::from_secs(5);

/// Runs the jobs of one database with as many slots as configured. Any number may run beside each other.
pub struct Dispatcher {
    app: App,
    background: Background,
}

/// What the attempts of a dispatcher have in common.
struct Attempts {
    running: TaskTracker,
    under_way: Running,
    ends: Ends,
    give_up: CancellationToken,
}

impl Dispatcher {
    pub fn new(app: App, background: Background) -> Self {
        Self { app, background }
    }

    /// Runs until `shutdown`, through any outage of PostgreSQL; then finishes what it holds, or hands it back.
    pub async fn run(self, shutdown: CancellationToken) {
        let give_up = GiveUp::after(&shutdown, self.app.settings.drain);
        let (ends, writer) = Ends::new(self.app.db.clone(), self.background);
        let _writer = AbortOnDropHandle::new(tokio::spawn(writer));
        let under_way = Running::default();
        let attempts = Attempts {
            running: TaskTracker::new(),
            under_way: under_way.clone(),
            ends,
            give_up: give_up.token().clone(),
        };
        let (settings, drained) = (self.app.settings.clone(), CancellationToken::new());
        let protect = async {
            if let Some(agent) = &settings.ecs_agent {
                protection::keep(agent, &under_way, settings.long_job, drained.clone()).await;
            }
        };
        let work = async {
            tokio::select! {
                () = self.dispatch(&attempts, &shutdown) => {}
                () = self.measure() => {}
            }
            give_up.wait_for(&attempts.running).await;
            tracing::info!("Drained");
            drained.cancel();
        };
        tokio::join!(work, protect);
    }

    async fn dispatch(&self, attempts: &Attempts, shutdown: &CancellationToken) {
        let settings = &self.app.settings;
        let slots = Arc::new(Semaphore::new(settings.job_concurrency as usize));
        let mut pace = Pace::new(settings.jobs_per_second);
        // After an outage, workers that live on get a lease's time to say so: no job is taken for abandoned because
        // nobody could be heard.
        let mut looks_for_abandoned = Instant::now();
        let mut poller = Poller::new(self.app.db.wake(WORK), POLL, shutdown.clone());
        let mut alarm = None;
        while poller.next().await {
            let free = shutdown.run_until_cancelled(free(&slots, pace.most())).await;
            let Some(Some(mut free)) = free else { break };
            let abandoned_too = Instant::now() >= looks_for_abandoned;
            // Never cut off: a job that was taken must be known here.
            let claimed = self.claim(free.num_permits(), abandoned_too).await;
            if claimed.is_err() {
                looks_for_abandoned = Instant::now() + settings.job_lease;
            } else if abandoned_too {
                looks_for_abandoned = Instant::now() + POLL;
            }
            let begun = claimed.map(|Begun { jobs, next }| {
                alarm = next.map(|next| self.wake_after(next.max(PAUSE)));
                let begun = jobs.len();
                for job in jobs {
                    let slot = free.split(1).expect("no more jobs than slots");
                    attempts.running.spawn(self.attempt(job, slot, attempts));
                }
                begun
            });
            drop(free);
            if let Ok(begun) = begun {
                shutdown.run_until_cancelled(pace.after(begun)).await;
            }
            poller.report(begun.map(|begun| begun > 0), "Jobs wait for the database");
        }
        drop(alarm);
    }

    /// Looks for jobs after this time, too, if nothing else wakes it and no poll is sooner.
    fn wake_after(&self, wait: Duration) -> AbortOnDropHandle<()> {
        let wake = self.app.db.wake(WORK);
        AbortOnDropHandle::new(tokio::spawn(async move {
            sleep(wait).await;
            wake.wake();
        }))
    }

    async fn claim(&self, slots: usize, abandoned_too: bool) -> sqlx::Result<Begun> {
        let (app, lease, can) = (&self.app, self.app.ambient.uuid(), self.app.abilities.now().await);
        let most = u32::try_from(slots).unwrap_or(u32::MAX);
        let claim = Claim { worker: &app.worker, lease, can: &can, duration: app.settings.job_lease, most };
        let mut tx = self.background.begin_across_tenants(&app.db).await?;
        let abandoned = if abandoned_too { claim::take_over(&mut tx, &claim).await? } else { Vec::new() };
        let begun = if abandoned.is_empty() {
            claim::begin(&mut tx, &claim).await?
        } else {
            Begun { jobs: abandoned, next: None }
        };
        tx.commit().await?;
        Ok(begun)
    }

    fn attempt(
        &self,
        job: Claimed,
        slot: OwnedSemaphorePermit,
        attempts: &Attempts,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (app, tenant) = (self.app.clone(), self.background.scope(&self.app.db, job.tenant_id));
        let (ends, give_up) = (attempts.ends.clone(), attempts.give_up.clone());
        let step = trace::TraceContext::after(job.traceparent.as_deref(), &app.ambient);
        let span = tracing::info_span!("job", job_id = %job.id, kind = job.kind, version = job.version,
            tenant = %job.tenant_id, trace_id = %step.trace_id());
        let runs = attempts.under_way.begin(job.id);
        let attempt = async move {
            let (settings, bucket) = (&app.settings, app.bucket.as_ref());
            let run = Run { kit: &app, settings, bucket, job: &job, tenant, lines: AtomicU32::new(0) };
            let handler = Handler::find(app.handlers, &job.kind, job.version.unsigned_abs());
            attempt::run(&run, handler, &ends, &give_up).await;
            drop((slot, runs));
        };
        trace::within(step, attempt).instrument(span)
    }

    /// Tells how much work waits, and how much of it this worker cannot do.
    async fn measure(&self) {
        let mut left = 0;
        loop {
            let can = self.app.abilities.now().await;
            let counts = async {
                lease_store::count(&mut self.background.begin_across_tenants(&self.app.db).await?, &can).await
            };
            if let Ok(counts) = counts.await {
                metrics::gauge!("jobs_queued").set(counts.queued as f64);
                metrics::gauge!("jobs_snoozed").set(counts.snoozed as f64);
                metrics::gauge!("jobs_running").set(counts.running as f64);
                metrics::gauge!("jobs_left_to_others").set(counts.left as f64);
                if counts.left > left {
                    tracing::warn!(
                        jobs = counts.left,
                        "Queued jobs wait for a worker with another handler or bundle than this one has"
                    );
                }
                left = counts.left;
            }
            sleep(MEASURE).await;
        }
    }
}

/// The slots that are free, at least one and at most so many.
async fn free(slots: &Arc<Semaphore>, most: u32) -> Option<OwnedSemaphorePermit> {
    let mut free = Arc::clone(slots).acquire_owned().await.ok()?;
    let more = slots.available_permits().min(most.saturating_sub(1) as usize);
    if let Ok(others) = Arc::clone(slots).try_acquire_many_owned(u32::try_from(more).unwrap_or(0)) {
        free.merge(others);
    }
    Some(free)
}
