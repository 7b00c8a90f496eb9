//! What the inbox remembers, as time goes by.

use crate::world::{QUEUE, Recorder, World, until};
use chrono::{DateTime, TimeDelta, Utc};
use common::ambient::Ambient;
use contracts::id::MessageId;
use messaging::{
    inbox::claim,
    weeks::{self, INBOX},
};
use serde_json::json;
use tokio::time::{Duration, timeout};

/// Any that is not the queue's own.
const CONSUMER: &str = "other";
const WEEKS: &str = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'inbox_messages'::regclass";

fn id_of(time: DateTime<Utc>) -> MessageId {
    MessageId(Ambient::test(time).uuid())
}

#[tokio::test]
async fn a_claim_under_way_is_waited_for() {
    let world = World::start().await;
    let (mut first, mut second) = (world.connect().await, world.connect().await);
    let id = id_of(world.ambient.now());
    sqlx::raw_sql("BEGIN").execute(&mut first).await.unwrap();
    assert!(claim(&mut first, CONSUMER, id).await.unwrap());
    assert!(claim(&mut first, QUEUE, id).await.unwrap(), "another consumer's own");
    let mut claiming = Box::pin(claim(&mut second, CONSUMER, id));
    assert!(timeout(Duration::from_millis(200), &mut claiming).await.is_err(), "nobody knows yet");
    sqlx::raw_sql("ROLLBACK").execute(&mut first).await.unwrap();
    assert!(claiming.await.unwrap(), "it was taken back");
}

#[tokio::test]
async fn weeks_are_made_ahead_and_forgotten_when_their_time_is_over() {
    let world = World::start().await;
    let (mut conn, now) = (world.connect().await, world.ambient.now());
    let (there, id) = (world.count(WEEKS).await, id_of(now));
    assert!(claim(&mut conn, CONSUMER, id).await.unwrap());
    weeks::keep(&world.pool, INBOX, now).await.unwrap();
    assert_eq!(world.count(WEEKS).await, there, "the migration made them");
    weeks::keep(&world.pool, INBOX, now + TimeDelta::days(30)).await.unwrap();
    assert!(!claim(&mut conn, CONSUMER, id).await.unwrap(), "30 days later it is known");
    weeks::keep(&world.pool, INBOX, now + TimeDelta::days(40)).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM inbox_messages").await, 0, "its week is dropped");
    assert!(claim(&mut conn, CONSUMER, id_of(now + TimeDelta::days(54))).await.unwrap(), "two weeks ahead are made");
    let fault = claim(&mut conn, CONSUMER, id).await.unwrap_err();
    assert!(matches!(fault, messaging::Fault::Away(_)), "a week that is missing is no message's fault: {fault:?}");
}

#[tokio::test]
async fn a_week_that_is_in_use_is_dropped_later_and_nobody_waits_long() {
    let world = World::start().await;
    let (mut busy, mut conn, now) = (world.connect().await, world.connect().await, world.ambient.now());
    sqlx::raw_sql("BEGIN").execute(&mut busy).await.unwrap();
    assert!(claim(&mut busy, CONSUMER, id_of(now)).await.unwrap());
    let later = now + TimeDelta::days(60);
    assert!(weeks::keep(&world.pool, INBOX, later).await.is_err(), "it is in use");
    let claiming = timeout(Duration::from_secs(2), claim(&mut conn, CONSUMER, id_of(later)));
    assert!(claiming.await.expect("nobody holds it up").unwrap(), "what is made ahead was made all the same");
    sqlx::raw_sql("COMMIT").execute(&mut busy).await.unwrap();
    weeks::keep(&world.pool, INBOX, later).await.unwrap();
}

#[tokio::test]
async fn a_message_of_a_time_that_is_not_remembered_is_buried_with_that_reason() {
    let world = World::start().await;
    let mut old = world.said();
    old.id = id_of(world.ambient.now() - TimeDelta::days(31));
    let sound = world.said();
    world.enqueue(&json!(old).to_string()).await;
    world.enqueue(&json!(sound).to_string()).await;
    world.consume(Recorder::new());
    until("the next takes effect", async || world.effects().await == [sound.id]).await;
    let reason = world.dead_letter().await.1;
    assert!(reason.contains("is remembered for 30 days only"), "{reason}");
}
