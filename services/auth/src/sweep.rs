//! What is forgotten: links, sessions and credentials that can never work again, so that strangers cannot fill the
//! database.

mod store;

use chrono::{DateTime, Utc};
use common::{
    db::{Background, Db},
    poller::Poller,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PAUSE: Duration = Duration::from_secs(600);

/// Sweeps every ten minutes until `shutdown`.
pub(crate) async fn run(db: Db, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(PAUSE, shutdown);
    while poller.next().await {
        let pass = sweep(&db, background, db.ambient().now()).await;
        poller.report(pass.map(|()| false), "What has expired waits for the database to be swept");
    }
}

/// Deletes everything that expired long enough before `now`, a batch at a time.
pub async fn sweep(db: &Db, background: Background, now: DateTime<Utc>) -> sqlx::Result<()> {
    loop {
        let mut tx = background.begin_across_tenants(db).await?;
        let more = store::sweep(&mut tx, now).await?;
        tx.commit().await?;
        if !more {
            return Ok(());
        }
    }
}
