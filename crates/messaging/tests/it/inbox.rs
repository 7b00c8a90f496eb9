//! What the inbox remembers, while versions change and as time goes by.

use crate::world::{QUEUE, Recorder, World, until};
use chrono::{DateTime, TimeDelta, Utc};
use common::ambient::Ambient;
use contracts::id::MessageId;
use messaging::{
    inbox::claim,
    weeks::{self, INBOX},
};
use serde_json::json;
use sqlx::PgConnection;
use tokio::time::{Duration, timeout};

/// Any that is not the queue's own.
const CONSUMER: &str = "other";
const WEEKS: &str = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'inbox_messages'::regclass";

/// As the version before does it.
async fn claim_before(conn: &mut PgConnection, id: &str) -> bool {
    let claim = "INSERT INTO inbox (consumer, message_id, received_at) VALUES ($1, $2, now()) ON CONFLICT DO NOTHING";
    sqlx::query(claim).bind(CONSUMER).bind(id).execute(conn).await.unwrap().rows_affected() == 1
}

fn id_of(time: DateTime<Utc>) -> MessageId {
    MessageId(Ambient::test(time).uuid())
}

#[tokio::test]
async fn a_message_takes_effect_once_across_this_version_and_the_one_before() {
    let world = World::start().await;
    let (mut conn, now) = (world.connect().await, world.ambient.now());
    let (first, second) = (id_of(now), id_of(now));
    assert!(claim_before(&mut conn, &first.to_string()).await);
    assert!(!claim(&mut conn, CONSUMER, first).await.unwrap(), "the version before had it");
    assert!(claim(&mut conn, CONSUMER, second).await.unwrap());
    assert!(!claim_before(&mut conn, &second.to_string()).await, "this version had it");
    assert!(claim(&mut conn, QUEUE, second).await.unwrap(), "another consumer's own");
    assert!(claim_before(&mut conn, "Bounce:m:1").await && !claim_before(&mut conn, "Bounce:m:1").await);
    let forgotten = id_of(now - TimeDelta::days(300));
    assert!(claim_before(&mut conn, &forgotten.to_string()).await, "it takes what it always took");
}

#[tokio::test]
async fn a_claim_under_way_in_the_version_before_is_waited_for() {
    let world = World::start().await;
    let (mut before, mut now) = (world.connect().await, world.connect().await);
    let id = id_of(world.ambient.now());
    sqlx::raw_sql("BEGIN").execute(&mut before).await.unwrap();
    assert!(claim_before(&mut before, &id.to_string()).await);
    let mut claiming = Box::pin(claim(&mut now, CONSUMER, id));
    assert!(timeout(Duration::from_millis(200), &mut claiming).await.is_err(), "nobody knows yet");
    sqlx::raw_sql("ROLLBACK").execute(&mut before).await.unwrap();
    assert!(claiming.await.unwrap(), "it was taken back");
}

#[tokio::test]
async fn what_was_taken_before_the_migration_is_not_taken_again() {
    let world = World::start().await;
    let (mut conn, now) = (world.connect().await, world.ambient.now());
    let (id, old) = (id_of(now - TimeDelta::days(29)), id_of(now - TimeDelta::days(90)));
    let undo = "DROP TRIGGER inbox_of_the_version_before ON inbox; DROP TABLE inbox_messages;
        DROP PROCEDURE inbox_add_weeks; DROP FUNCTION inbox_of_the_version_before, lowest_id_at";
    sqlx::raw_sql(undo).execute(&mut conn).await.unwrap();
    for taken in [&id.to_string(), &old.to_string(), "Bounce:m:1"] {
        assert!(claim_before(&mut conn, taken).await);
    }
    sqlx::raw_sql(include_str!("../../migrations/0003_inbox_by_time.sql")).execute(&mut conn).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM inbox_messages").await, 1);
    assert!(!claim(&mut conn, CONSUMER, id).await.unwrap());
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
