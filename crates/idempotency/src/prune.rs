//! The end of idempotency keys: a task of each service forgets those that have expired.

use crate::store;
use common::{
    db::{Background, Db},
    poller::Poller,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// An expired key counts as absent, so nothing waits for this.
const PAUSE: Duration = Duration::from_secs(600);
/// Rows a statement, so that none holds locks for long.
const BATCH: i64 = 500;

/// Goes round every ten minutes until `shutdown`.
pub async fn run(db: Db, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(PAUSE, shutdown);
    while poller.next().await {
        let pass = pass(&db, background).await;
        poller.report(pass.map(|_| false), "Expired idempotency keys wait for the database");
    }
}

/// Forgets every key that has expired, a batch at a time; gives how many.
pub async fn pass(db: &Db, background: Background) -> sqlx::Result<u64> {
    let mut forgotten = 0;
    loop {
        let mut tx = background.begin_across_tenants(db).await?;
        let batch = store::prune(&mut tx, db.ambient().now(), BATCH).await?;
        tx.commit().await?;
        forgotten += batch;
        if batch < BATCH.unsigned_abs() {
            return Ok(forgotten);
        }
    }
}
