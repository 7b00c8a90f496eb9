//! Tests that no event is out of the reach of its cycle, whatever the clock of its producer says.

use crate::{
    closing::summary,
    recording::{batch, send, verdicts},
    world::World,
};
use billing::usage::{model::CLOCK_AHEAD, parked};
use chrono::{DateTime, Duration, Utc};

/// The customer's open cycle ends then; nobody closes it by itself.
async fn end_at(world: &World, cycle: &str, at: DateTime<Utc>) {
    let sql = "UPDATE cycle SET end_at = $2, due_at = $2 + interval '1 year' WHERE id = $1::uuid";
    sqlx::query(sql).bind(cycle).bind(at).execute(&world.platform.pool).await.expect("another end");
}

/// What is told a day ahead of its time, and of several cycles, is on the invoice of the cycle that its time is in.
#[tokio::test]
async fn usage_of_a_clock_that_is_a_day_ahead_is_on_the_invoice_of_its_time() {
    let (world, ada) = World::with_prices().await;
    world.say(&world.enabled(&ada, "forum", 0)).await;
    world.features(&ada, &[("forum", 0, None)]).await;
    let now = world.platform.ambient.now();
    let second = |at: DateTime<Utc>| (at - world.start).num_seconds();
    let ahead = second(now + CLOCK_AHEAD);
    let posts = [("most", "200", ahead - 1), ("more", "400", ahead + 3600), ("days", "800", ahead + 5 * 86_400)];
    let answer = send(&world, &batch(&world, &ada, &posts)).await;
    assert_eq!(verdicts(&answer), [("most", "accepted"), ("more", "in_the_future"), ("days", "in_the_future")]);
    // A cycle ends a second before the event's time: the event is of the next one, which has just begun then.
    end_at(&world, &ada.cycle, world.at(ahead - 2)).await;
    let due = "UPDATE cycle SET due_at = now() - interval '1 second' WHERE id = $1::uuid";
    sqlx::query(due).bind(&ada.cycle).execute(&world.platform.pool).await.unwrap();
    let other = world.customer().await;
    world.close(&other, &other.cycle).await;
    let first = world.invoice(&ada, &ada.cycle).await;
    assert!(summary(&first).iter().all(|line| line.0 == "forum"), "{first}");
    let next = world.open_cycle(ada.tenant, &ada.token).await;
    end_at(&world, &next, world.at(ahead)).await;
    sqlx::query(due).bind(&next).execute(&world.platform.pool).await.unwrap();
    let other = world.customer().await;
    world.close(&other, &other.cycle).await;
    let invoice = world.invoice(&ada, &next).await;
    let posts: Vec<_> = summary(&invoice).into_iter().filter(|line| line.0 == "forum.posts").collect();
    assert_eq!(posts, [("forum.posts", "200", "post", 100)]);
}

/// What is parked becomes an event only when its time is a day away: its id is then of that moment.
#[tokio::test]
async fn what_was_released_is_within_reach_and_what_would_not_be_is_refused() {
    let world = World::start().await;
    let ada = world.customer_with_forum().await;
    let now = world.platform.ambient.now();
    let second = |at: DateTime<Utc>| (at - world.start).num_seconds();
    for (key, days) in [("three", 3), ("thousand", 1000)] {
        let answer = send(&world, &batch(&world, &ada, &[(key, "1", second(now + Duration::days(days)))])).await;
        assert_eq!(verdicts(&answer), [(key, "in_the_future")]);
    }
    let mut tx = world.platform.begin_across_tenants().await;
    assert_eq!(parked::release(&mut tx, &world.platform.ambient).await.unwrap(), 0);
    let earlier = "UPDATE usage_parked SET occurred_at = $1, received_at = $2";
    let edge = now + CLOCK_AHEAD;
    sqlx::query(earlier).bind(edge).bind(now - Duration::days(20)).execute(&mut *tx).await.unwrap();
    assert_eq!(parked::release(&mut tx, &world.platform.ambient).await.unwrap(), 2);
    tx.commit().await.unwrap();
    let out_of_reach = "SELECT count(*) FROM usage_event WHERE id < lowest_id_at(occurred_at - interval '2 days')";
    assert_eq!(world.count("SELECT count(*) FROM usage_event").await, 2);
    assert_eq!(world.count(out_of_reach).await, 0);
    let copy = "INSERT INTO usage_event SELECT tenant_id, gen_random_uuid(), 0, service, instance_id, meter, key, \
                quantity, received_at + $1, received_at FROM usage_event LIMIT 1";
    let copy = copy.replace("gen_random_uuid()", "lowest_id_at(received_at)");
    let insert = async |hours: i64| {
        let ahead = Duration::hours(hours);
        sqlx::query(sqlx::AssertSqlSafe(copy.clone())).bind(ahead).execute(&world.platform.pool).await
    };
    let refused = insert(48).await.unwrap_err();
    assert_eq!(common::problem::constraint(&refused), Some("usage_event_reachable"));
    insert(47).await.expect("it is within reach");
}
