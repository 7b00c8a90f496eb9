//! Tests of parked usage: what comes too early, or from a clock that runs ahead, is kept until it counts.

use crate::world::World;
use billing::usage::parked;
use chrono::Duration;
use test_support::eventually;

const DAY: i64 = 86_400;

#[tokio::test]
async fn usage_that_comes_before_its_instance_counts_when_that_is_there() {
    let (world, ada) = World::with_customer().await;
    for _ in 0..2 {
        world.say(&world.posts(&ada, "posts:1", 1, 20)).await;
    }
    world.say(&world.posts(&ada, "posts:2", 2, 30)).await;
    let waiting = world.parked(&ada, 2).await;
    assert!(
        waiting.iter().all(|item| item["reason"] == "instance_unknown" && item["meter"] == "forum.posts"),
        "{waiting:?}"
    );
    assert_eq!(world.get(&ada.token, "/v1/usage").await["meters"], serde_json::json!([]));
    world.say(&world.enabled(&ada, "forum", 0)).await;
    world.metered(&ada, "3").await;
    world.parked(&ada, 0).await;
}

/// Neither sees the other, which has not committed.
#[tokio::test]
async fn usage_that_comes_while_its_instance_begins_counts() {
    let (world, ada) = World::with_customer().await;
    let mut wall = world.platform.pool.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE usage_interval IN ACCESS EXCLUSIVE MODE").execute(&mut *wall).await.unwrap();
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    for (number, envelope) in [(1, world.enabled(&ada, "forum", 0)), (2, world.posts(&ada, "posts:1", 1, 20))] {
        world.say(&envelope).await;
        eventually(&format!("{number} are in the middle of it"), async || {
            (world.count(waiting).await == number).then_some(())
        })
        .await;
    }
    wall.rollback().await.unwrap();
    world.drained("billing-usage").await;
    assert_eq!(world.count("SELECT count(*) FROM usage_event").await, 1);
    world.parked(&ada, 0).await;
}

#[tokio::test]
async fn usage_for_an_instance_that_turns_out_to_be_anothers_is_never_counted() {
    let world = World::start().await;
    let (ada, mut eve) = (world.customer().await, world.customer().await);
    eve.instance = ada.instance;
    world.say(&world.posts(&eve, "posts:1", 1000, 20)).await;
    world.parked(&ada, 1).await;
    world.say(&world.enabled(&ada, "forum", 0)).await;
    eventually("it is known whose the instance is", async || {
        let waiting = world.parked(&ada, 1).await;
        (waiting[0]["reason"] == "instance_of_another").then_some(())
    })
    .await;
    assert_eq!(world.count("SELECT count(*) FROM usage_event").await, 0);
}

#[tokio::test]
async fn a_clock_that_runs_ahead_loses_nothing() {
    let world = World::start().await;
    let ada = world.customer_with_forum().await;
    // The world began two days ago: this is six minutes from now.
    world.say(&world.posts(&ada, "posts:1", 1, 2 * DAY + 360)).await;
    world.metered(&ada, "1").await;
    // And this is four days from now.
    world.say(&world.posts(&ada, "posts:2", 2, 6 * DAY)).await;
    let waiting = world.parked(&ada, 1).await;
    assert_eq!(waiting[0]["reason"], "in_the_future");

    let mut tx = world.platform.begin_across_tenants().await;
    assert_eq!(parked::release(&mut tx, &world.platform.ambient).await.unwrap(), 0);
    sqlx::query("UPDATE usage_parked SET occurred_at = $1")
        .bind(world.platform.ambient.now() + Duration::hours(23))
        .execute(&mut *tx)
        .await
        .unwrap();
    assert_eq!(parked::release(&mut tx, &world.platform.ambient).await.unwrap(), 1);
    tx.commit().await.unwrap();
    world.metered(&ada, "3").await;
    world.parked(&ada, 0).await;
}
