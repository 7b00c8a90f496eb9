//! The dispatcher, which begins a job as soon as there is a slot, at the configured rate, in whichever worker asks
//! first.

use crate::{
    app::App,
    attempt,
    handlers::Run,
    jobs::{
        lease_store,
        model::{Claim, Claimed, WORK},
    },
};
use common::{db::Background, poller::Poller, server::GiveUp};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// Looks for jobs this often even if no commit woke it: waits and leases end without one.
const POLL: Duration = Duration::from_secs(1);
/// How often waiting jobs are counted.
const MEASURE: Duration = Duration::from_secs(5);

/// Runs the jobs of one database with as many slots as configured. Any number may run beside each other.
pub(crate) struct Dispatcher {
    app: App,
    background: Background,
}

impl Dispatcher {
    pub fn new(app: App, background: Background) -> Self {
        Self { app, background }
    }

    /// Runs until `shutdown`, through any outage of PostgreSQL; then finishes what it holds, or hands it back.
    pub async fn run(self, shutdown: CancellationToken) {
        let (running, give_up) = (TaskTracker::new(), GiveUp::after(&shutdown, self.app.settings.drain));
        tokio::select! {
            () = self.dispatch(&running, give_up.token(), &shutdown) => {}
            () = self.measure() => {}
        }
        give_up.wait_for(&running).await;
        tracing::info!("Drained");
    }

    async fn dispatch(&self, running: &TaskTracker, give_up: &CancellationToken, shutdown: &CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.app.settings.job_concurrency as usize));
        let mut pace = interval(Duration::from_secs(1) / self.app.settings.jobs_per_second);
        // A pause is not made up for by a burst.
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // After an outage, workers that live on get a lease's time to say so: no job is taken for abandoned because
        // nobody could be heard.
        let mut deaf_until = Instant::now();
        let mut poller = Poller::new(self.app.db.wake(WORK), POLL, shutdown.clone());
        while poller.next().await {
            let slot = shutdown.run_until_cancelled(Arc::clone(&slots).acquire_owned()).await;
            let Some(Ok(slot)) = slot else { break };
            // Never cut off: a job that was taken must be known here.
            let claimed = self.claim(Instant::now() >= deaf_until).await;
            if claimed.is_err() {
                deaf_until = Instant::now() + self.app.settings.job_lease;
            }
            let begun =
                claimed.map(|job| job.map(|job| running.spawn(self.attempt(job, slot, give_up.clone()))).is_some());
            if let Ok(true) = begun {
                shutdown.run_until_cancelled(pace.tick()).await;
            }
            poller.report(begun, "Jobs wait for the database");
        }
    }

    async fn claim(&self, abandoned_too: bool) -> sqlx::Result<Option<Claimed>> {
        let (app, lease, can) = (&self.app, self.app.ambient.uuid(), self.app.abilities.now().await);
        let claim = Claim { worker: &app.worker, lease, can: &can, duration: app.settings.job_lease };
        let mut tx = self.background.begin_across_tenants(&app.db).await?;
        let abandoned = if abandoned_too { lease_store::take_over(&mut tx, &claim).await? } else { None };
        let claimed = match abandoned {
            Some(abandoned) => Some(abandoned),
            None => lease_store::begin(&mut tx, &claim).await?,
        };
        tx.commit().await?;
        Ok(claimed)
    }

    fn attempt(
        &self,
        job: Claimed,
        slot: OwnedSemaphorePermit,
        give_up: CancellationToken,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (app, tenant) = (self.app.clone(), self.background.scope(&self.app.db, job.tenant_id));
        let span = tracing::info_span!("job", job_id = %job.id, kind = job.kind, version = job.version,
            tenant = %job.tenant_id);
        let attempt = async move {
            attempt::run(&Run { app: &app, job: &job, tenant }, &give_up).await;
            drop(slot);
        };
        attempt.instrument(span)
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
