//! Tests of the room for usage that does not count: a verdict says what is kept, and what there is no room for comes
//! again.

use crate::{
    recording::{batch, send, verdicts},
    world::{Customer, World},
};
use chrono::Duration;
use contracts::envelope::Envelope;

const DAY: i64 = 86_400;

/// Parks that many events of the customer's forum, by the way.
pub async fn fill(world: &World, ada: &Customer, many: i32, reason: &str) {
    let sql = "INSERT INTO usage_parked (id, tenant_id, service, key, body, instance_id, meter, quantity, occurred_at, \
               received_at, reason, waiting_since) SELECT gen_random_uuid(), $1, 'forum', 'old:' || n, \
               gen_random_uuid(), $2, 'forum.posts', 1, now() + interval '9 days', now(), $4, \
               CASE WHEN $4 = 'in_the_future' THEN NULL ELSE now() END FROM generate_series(1, $3) AS n";
    let fill = sqlx::query(sql).bind(ada.tenant.0).bind(ada.instance.0).bind(many).bind(reason);
    fill.execute(&world.platform.pool).await.expect("parked usage");
}

#[tokio::test]
async fn what_is_not_kept_is_not_said_to_be() {
    let world = World::start().await;
    let ada = world.customer_with_forum().await;
    fill(&world, &ada, 9_999, "key_used").await;
    let posts = [("one", "-1", 10), ("sound", "1", 10), ("two", "-2", 10), ("one", "-1", 10), ("ahead", "1", 9 * DAY)];
    let answer = send(&world, &batch(&world, &ada, &posts)).await;
    let expected = [
        ("one", "quantity_negative"),
        ("sound", "accepted"),
        ("two", "parking_full"),
        ("one", "quantity_negative"),
        ("ahead", "in_the_future"),
    ];
    assert_eq!(verdicts(&answer), expected);
    // What is kept already needs no room.
    let again = send(&world, &batch(&world, &ada, &[("one", "-1", 10), ("two", "-2", 10)])).await;
    assert_eq!(verdicts(&again), [("one", "quantity_negative"), ("two", "parking_full")]);
    assert_eq!(world.count("SELECT count(*) FROM usage_parked WHERE waiting_since IS NOT NULL").await, 10_000);
}

#[tokio::test]
async fn usage_that_would_count_by_itself_has_room_for_some_and_the_rest_comes_again() {
    let (world, ada) = World::with_customer().await;
    fill(&world, &ada, 49_999, "in_the_future").await;
    let early = batch(&world, &ada, &[("one", "1", 10), ("two", "2", 10), ("three", "4", 10)]);
    let expected = [("one", "instance_unknown"), ("two", "parking_full"), ("three", "parking_full")];
    assert_eq!(verdicts(&send(&world, &early).await), expected);
    let other = world.customer().await;
    let theirs = send(&world, &batch(&world, &other, &[("one", "1", 10)])).await;
    assert_eq!(verdicts(&theirs), [("one", "instance_unknown")], "another tenant has room of its own");
    world.say(&world.enabled(&ada, "forum", 0)).await;
    world.metered(&ada, "1").await;
    let answer = send(&world, &early).await;
    assert_eq!(verdicts(&answer), [("one", "duplicate"), ("two", "accepted"), ("three", "accepted")]);
}

#[tokio::test]
async fn a_message_for_which_there_is_no_room_waits_in_its_queue_and_at_last_for_a_person() {
    let (world, ada) = World::with_customer().await;
    fill(&world, &ada, 49_999, "in_the_future").await;
    let metrics = common::telemetry::metrics();
    world.say(&world.batch(&ada, &[("one", 1, 10), ("two", 2, 10)])).await;
    test_support::eventually("there was no room", async || {
        metrics.render().contains("verdict=\"parking_full\"").then_some(())
    })
    .await;
    let old = world.batch(&ada, &[("three", 4, 10), ("four", 8, 10)]);
    world.say(&Envelope { time: world.platform.ambient.now() - Duration::days(8), ..old }).await;
    let reasons = world.platform.dead_letters("billing-usage", 1).await;
    let expected =
        "too much usage of this tenant and service waits for its instance or its time already, for 7 days now";
    assert_eq!(reasons, [expected], "the younger one still waits");
    assert_eq!(world.count("SELECT count(*) FROM usage_parked").await, 49_999, "a message is taken as a whole");
    assert_eq!(world.count("SELECT count(*) FROM inbox_messages WHERE consumer = 'billing-usage'").await, 0);
}

/// A product that told something wrong corrects it under the same key, before billing has heard of the instance.
#[tokio::test]
async fn what_is_told_under_one_key_with_two_bodies_is_kept_twice_and_counts_once() {
    let (world, ada) = World::with_customer().await;
    let keys = async |quantity: &str| {
        let answer = send(&world, &batch(&world, &ada, &[("one", quantity, 10), ("two", "4", 10)])).await;
        verdicts(&answer).iter().map(|(_, verdict)| (*verdict).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keys("-1").await, ["quantity_negative", "instance_unknown"]);
    assert_eq!(keys("1").await, ["instance_unknown", "instance_unknown"]);
    assert_eq!(keys("2").await, ["instance_unknown", "instance_unknown"]);
    world.parked(&ada, 4).await;
    world.say(&world.enabled(&ada, "forum", 0)).await;
    world.metered(&ada, "5").await;
    let left = world.parked(&ada, 2).await;
    let mut left: Vec<_> = left.iter().map(|item| (&item["quantity"], &item["reason"])).collect();
    left.sort_by_key(|(quantity, _)| quantity.to_string());
    assert_eq!(left, [(&"-1".into(), &"quantity_negative".into()), (&"2".into(), &"key_used".into())]);
}

#[tokio::test]
async fn what_comes_first_and_can_count_has_the_key() {
    let world = World::start().await;
    let ada = world.customer_with_forum().await;
    let answer = send(&world, &batch(&world, &ada, &[("one", "-1", 10), ("one", "1", 10), ("one", "2", 10)])).await;
    assert_eq!(verdicts(&answer), [("one", "quantity_negative"), ("one", "accepted"), ("one", "key_used")]);
    let answer = send(&world, &batch(&world, &ada, &[("one", "3", 10), ("one", "1", 10), ("one", "-1", 10)])).await;
    assert_eq!(verdicts(&answer), [("one", "key_used"), ("one", "duplicate"), ("one", "quantity_negative")]);
    world.metered(&ada, "1").await;
    world.parked(&ada, 3).await;
}

#[tokio::test]
async fn what_no_line_could_add_up_is_parked_however_it_is_told() {
    let world = World::start().await;
    let ada = world.customer_with_forum().await;
    let posts = [("large", "10000000000", 10), ("fine", "0.0000000001", 10), ("most", "9999999999.999999999", 10)];
    let answer = send(&world, &batch(&world, &ada, &posts)).await;
    let expected = [("large", "quantity_too_large"), ("fine", "quantity_too_fine"), ("most", "accepted")];
    assert_eq!(verdicts(&answer), expected);
    world.say(&world.batch(&ada, &[("large-too", 10_000_000_000, 10), ("sound", 1, 10)])).await;
    world.say(&world.posts(&ada, "posts:1", i64::MAX, 10)).await;
    world.metered(&ada, "10000000000.999999999").await;
    let parked = world.parked(&ada, 4).await;
    assert_eq!(parked.iter().filter(|item| item["reason"] == "quantity_too_large").count(), 3);
}
