//! When is the next job begun, and by whom? As soon as there is a slot, at the configured rate, by whichever worker asks first.

use crate::{
    app::App,
    attempt,
    jobs::{
        queue::{self, Claim, Claimed},
        store::CHANNEL,
    },
};
use common::{db, problem::Chain, server::GiveUp};
use sqlx::postgres::PgListener;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// Looks for jobs this often even if no commit woke it: waits and leases end without one.
const POLL: Duration = Duration::from_secs(1);
/// Pause while the database is away.
const OUTAGE_PAUSE: Duration = Duration::from_secs(1);
/// How often waiting jobs are counted.
const MEASURE: Duration = Duration::from_secs(5);

/// Runs the jobs of one database with as many slots as configured. Any number may run beside each other.
pub(crate) struct Dispatcher {
    app: App,
}

impl Dispatcher {
    pub fn new(app: App) -> Self {
        Self { app }
    }

    /// Runs until `shutdown`, through any outage of PostgreSQL; then finishes what it holds, or hands it back.
    pub async fn run(self, shutdown: CancellationToken) {
        let (wake, running, give_up) =
            (Notify::new(), TaskTracker::new(), GiveUp::after(&shutdown, self.app.settings.drain));
        tokio::select! {
            () = self.dispatch(&wake, &running, give_up.token(), &shutdown) => {}
            () = self.listen(&wake) => {}
            () = self.measure() => {}
        }
        give_up.wait_for(&running).await;
        tracing::info!("drained");
    }

    async fn dispatch(
        &self,
        wake: &Notify,
        running: &TaskTracker,
        give_up: &CancellationToken,
        shutdown: &CancellationToken,
    ) {
        let slots = Arc::new(Semaphore::new(self.app.settings.job_concurrency as usize));
        let mut pace = interval(Duration::from_secs(1) / self.app.settings.jobs_per_second);
        // A pause is not made up for by a burst.
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // After an outage, workers that live on get a lease's time to say so: no job is taken for abandoned because nobody could be heard.
        let mut deaf_until = Instant::now();
        while let Some(slot) = free(&slots, shutdown).await {
            // Never cut off: a job that was taken must be known here.
            match self.claim(Instant::now() >= deaf_until).await {
                Ok(Some(job)) => {
                    running.spawn(self.attempt(job, slot, give_up.clone()));
                    pause(pace.tick(), shutdown).await;
                }
                Ok(None) => pause(timeout(POLL, wake.notified()), shutdown).await,
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "Jobs wait for the database");
                    deaf_until = Instant::now() + self.app.settings.job_lease;
                    pause(sleep(OUTAGE_PAUSE), shutdown).await;
                }
            }
        }
    }

    async fn claim(&self, abandoned_too: bool) -> sqlx::Result<Option<Claimed>> {
        let (app, lease, can) = (&self.app, self.app.ambient.uuid(), self.app.abilities.now().await);
        let claim = Claim { worker: &app.worker, lease, can: &can, duration: app.settings.job_lease };
        let mut tx = db::begin_platform(&app.pool).await?;
        let abandoned = if abandoned_too { queue::take_over(&mut tx, &claim).await? } else { None };
        let claimed = match abandoned {
            Some(abandoned) => Some(abandoned),
            None => queue::begin(&mut tx, &claim).await?,
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
        let app = self.app.clone();
        let span = tracing::info_span!("job", job_id = %job.id, kind = job.kind, version = job.version, tenant = job.tenant_id.map(tracing::field::display));
        let attempt = async move {
            attempt::run(&app, &job, &give_up).await;
            drop(slot);
        };
        attempt.instrument(span)
    }

    /// Wakes the dispatcher at each commit that queued jobs.
    async fn listen(&self, wake: &Notify) {
        loop {
            if let Err(error) = self.pass_on_notifications(wake).await {
                tracing::debug!(error = %Chain(&error), "Commits do not wake the dispatcher; it polls");
            }
            sleep(POLL).await;
        }
    }

    async fn pass_on_notifications(&self, wake: &Notify) -> sqlx::Result<()> {
        let mut listener = PgListener::connect_with(&self.app.pool).await?;
        listener.listen(CHANNEL).await?;
        loop {
            listener.recv().await?;
            wake.notify_one();
        }
    }

    /// Tells how much work waits, and how much of it this worker cannot do.
    async fn measure(&self) {
        let mut left = 0;
        loop {
            let can = self.app.abilities.now().await;
            let counts = async { queue::count(&mut *db::begin_platform(&self.app.pool).await?, &can).await };
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

/// A slot for one job, once there is one; `None` at shutdown.
async fn free(slots: &Arc<Semaphore>, shutdown: &CancellationToken) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        slot = Arc::clone(slots).acquire_owned() => slot.ok(),
    }
}

async fn pause<T>(until: impl Future<Output = T>, shutdown: &CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        _ = until => {}
    }
}
