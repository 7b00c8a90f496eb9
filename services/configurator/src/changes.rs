//! The loop that announces changes of instances: how do product services hear of one at once?
//!
//! A commit wakes the loop of its own process, so nothing is told that was rolled back. The loops of other processes
//! poll and tell of it as well: nothing is forgotten when a process ends.

mod store;

use crate::{app::App, instances::store::CHANGED};
use chrono::{DateTime, TimeDelta, Utc};
use common::{db::Background, poller::Poller};
use std::{collections::HashSet, time::Duration};
use store::Change;
use tokio_util::sync::CancellationToken;

/// Looks for changes this often even if no commit woke it: other processes make them, too.
const POLL: Duration = Duration::from_secs(1);
/// A change may be this much older than the last look and not have been seen then: clocks differ, and commits take
/// time.
const OVERLAP: TimeDelta = TimeDelta::seconds(60);

/// Announces every change until `shutdown`.
pub async fn run(app: App, background: Background, shutdown: CancellationToken) {
    let mut seen = Seen { at: app.ambient.now(), changes: HashSet::new() };
    let mut poller = Poller::new(app.db.wake(CHANGED), POLL, shutdown);
    while poller.next().await {
        let looked = announce(&app, background, &mut seen).await.map(|()| false);
        poller.report(looked, "Changes of instances are not seen right now");
    }
}

/// What the last look came to.
struct Seen {
    at: DateTime<Utc>,
    changes: HashSet<Change>,
}

async fn announce(app: &App, background: Background, seen: &mut Seen) -> sqlx::Result<()> {
    let at = app.ambient.now();
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let changes = store::changed_since(&mut tx, seen.at - OVERLAP).await?;
    tx.commit().await?;
    for change in changes.iter().filter(|change| !seen.changes.contains(change)) {
        app.announcer.announce(&change.host).await;
    }
    *seen = Seen { at, changes: HashSet::from_iter(changes) };
    Ok(())
}
