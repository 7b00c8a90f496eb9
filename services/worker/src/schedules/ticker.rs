//! The ticker: turns what is due into jobs. Tick and next time are one commit under the schedule's lock, so that no
//! tick is ordered twice, whoever dies.

use super::{cron::Line, store};
use crate::{app::App, jobs::store as jobs};
use common::{db::Background, poller::Poller};
use contracts::{
    id::{JobId, TenantId},
    messages::RunJob,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How much later than its time a tick may come.
const POLL: Duration = Duration::from_secs(1);
/// Of a job that a schedule orders.
const PRIORITY: i16 = 5;

/// Runs until `shutdown`, beside any number of others.
pub(crate) async fn run(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(POLL, shutdown);
    while poller.next().await {
        poller.report(tick(&app, background).await, "Schedules wait for the database");
    }
}

/// Orders the job of one schedule that is due; `false` if there is none.
async fn tick(app: &App, background: Background) -> sqlx::Result<bool> {
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let Some(schedule) = store::due(&mut tx).await? else { return Ok(false) };
    let now = app.ambient.now();
    // A tick may be due by the database's clock and not yet by ours: the next one is after both.
    let next = Line::parse(&schedule.cron, now).and_then(|line| line.next(now.max(schedule.next_at)));
    let next = match next {
        Ok(next) => next,
        Err(unfit) => {
            tracing::error!(schedule_id = %schedule.id, cron = schedule.cron, reason = %unfit, "A schedule is paused");
            store::pause(&mut tx, schedule.id).await?;
            return tx.commit().await.map(|()| true);
        }
    };
    let job = RunJob {
        job_id: JobId(app.ambient.uuid()),
        kind: schedule.kind,
        version: schedule.version.unsigned_abs(),
        instance_id: schedule.instance_id.map(Into::into),
        payload: schedule.payload,
        unique_key: None,
        priority: None,
        run_after: None,
    };
    store::ticked(&mut tx, schedule.id, job.job_id.0, next).await?;
    let order = jobs::Order { job: &job, version: schedule.version, priority: PRIORITY, traceparent: None };
    jobs::insert(tx.narrow(TenantId(schedule.tenant_id)).await?, &order).await?;
    tx.commit().await?;
    tracing::info!(schedule_id = %schedule.id, job_id = %job.job_id, next_at = %next, "A schedule has ordered its job");
    Ok(true)
}
