//! Whom a transaction wakes: its commit a loop of the same process, and at once; a rollback nobody.

use crate::world::World;
use common::{db::Scoped, poller::Poller};
use std::time::Duration;
use test_support::background;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const WORK: &str = "work";
/// Nobody polls in this time.
const LONG: Duration = Duration::from_secs(3600);
/// Far more than a wake takes.
const AT_ONCE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_commit_wakes_at_once_and_a_rollback_wakes_nobody() {
    let world = World::start().await;
    let mut poller = Poller::new(world.db.wake(WORK), LONG, CancellationToken::new());
    assert!(poller.next().await, "the first look needs no wake");
    poller.done(false);
    let tenant = world.tenant();
    let mut dropped = world.begin().await;
    dropped.wake(WORK);
    drop(dropped);
    let mut rolled_back = background().begin(&world.db, tenant).await.unwrap();
    rolled_back.wake(WORK);
    rolled_back.rollback().await.unwrap();
    let mut open = background().begin(&world.db, tenant).await.unwrap();
    open.wake(WORK);
    assert!(timeout(AT_ONCE, poller.next()).await.is_err(), "nothing has been committed");
    open.commit().await.unwrap();
    assert_eq!(timeout(AT_ONCE, poller.next()).await, Ok(true));
    poller.done(false);
    assert!(timeout(AT_ONCE, poller.next()).await.is_err(), "a commit wakes once");
}
