//! Upkeep of the table of jobs: snoozed jobs wait again when their time has come, and finished ones are forgotten.

use super::upkeep_store as store;
use common::{
    db::{Background, Db},
    poller::Poller,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How much later than their time snoozed jobs may wait again.
const WAKE: Duration = Duration::from_secs(1);
/// How often finished jobs are looked for that were kept for so long.
const FORGET: Duration = Duration::from_secs(60);

/// Queues snoozed jobs whose time has come, until `shutdown`.
pub(crate) async fn wake(db: Db, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(WAKE, shutdown);
    while poller.next().await {
        let pass = async {
            let mut tx = background.begin_across_tenants(&db).await?;
            let woken = store::wake(&mut tx).await?;
            tx.commit().await.map(|()| woken == store::WOKEN.unsigned_abs())
        };
        poller.report(pass.await, "Snoozed jobs wait for the database");
    }
}

/// Forgets finished jobs, and what belongs to them, until `shutdown`.
pub(crate) async fn forget(db: Db, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(FORGET, shutdown);
    while poller.next().await {
        let pass = async {
            let mut tx = background.begin_across_tenants(&db).await?;
            let forgotten = store::forget(&mut tx).await?;
            tx.commit().await.map(|()| forgotten == store::FORGOTTEN)
        };
        poller.report(pass.await, "Finished jobs that are to be forgotten wait for the database");
    }
}
