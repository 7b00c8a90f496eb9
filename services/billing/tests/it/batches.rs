//! Tests of usage in batches: each event has a verdict of its own, and counts once however it is told.

use crate::{
    room,
    world::{Customer, World},
};
use contracts::envelope::{Envelope, source_of};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const DAY: i64 = 86_400;

/// The reason of each parked event, by its key within the instance.
async fn reasons(world: &World, ada: &Customer, many: usize) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |item: &Value| (text(&item["key"]).split_once(':').unwrap().1.to_owned(), text(&item["reason"]));
    world.parked(ada, many).await.iter().map(of).collect()
}

#[tokio::test]
async fn each_event_of_a_batch_has_its_own_verdict() {
    let world = World::start().await;
    let ada = world.customer_with_forum().await;
    world.say(&world.batch(&ada, &[("counted", 1, 10), ("taken", 2, 10)])).await;
    world.metered(&ada, "3").await;
    let metrics = common::telemetry::metrics();
    let mut batch = world.batch(
        &ada,
        &[
            ("sound", 4, 20),
            ("counted", 1, 10),
            ("taken", 3, 10),
            ("twice", 8, 20),
            ("twice", 8, 20),
            ("quarrel", 16, 20),
            ("quarrel", 17, 20),
            ("wiki", 1, 20),
            ("refund", -1, 20),
            ("from-the-future", 1, 9 * DAY),
            ("from-the-past", 1, -400 * DAY),
        ],
    );
    batch.data["events"][7]["meter"] = json!("wiki.pages");
    world.say(&batch).await;
    world.metered(&ada, "31").await;
    let expected = [
        ("from-the-future", "in_the_future"),
        ("from-the-past", "too_old"),
        ("quarrel", "key_used"),
        ("refund", "quantity_negative"),
        ("taken", "key_used"),
        ("wiki", "meter_unknown"),
    ];
    let expected = expected.map(|(key, reason)| (key.to_owned(), reason.to_owned()));
    assert_eq!(reasons(&world, &ada, 6).await, BTreeMap::from(expected));
    let counted = metrics.render();
    for (verdict, least) in [("accepted", 3), ("duplicate", 2), ("key_used", 2), ("too_old", 1)] {
        let line = format!("usage_events_total{{verdict=\"{verdict}\"}} ");
        let count = counted.lines().find_map(|told| told.strip_prefix(&line)?.parse::<u32>().ok());
        assert!(count >= Some(least), "{verdict}: {counted}");
    }
    let some = world.get(&ada.token, "/v1/parked-usage?reason=too_old").await;
    assert_eq!(some["items"].as_array().unwrap().len(), 1);
    let others = world.get(&ada.token, &format!("/v1/parked-usage?tenant_id={}", world.platform.tenant())).await;
    assert_eq!(others["items"], json!([]));
}

/// A relay that dies before it deletes sends the same rows again, together with others, and an older product tells them
/// one by one.
#[tokio::test]
async fn an_event_counts_once_however_it_is_told() {
    let world = World::start().await;
    let ada = world.customer_with_forum().await;
    let one_by_one = world.posts(&ada, &format!("{}:b", ada.instance), 2, 10);
    for envelope in [
        world.batch(&ada, &[("a", 1, 10), ("b", 2, 10)]),
        world.batch(&ada, &[("b", 2, 10), ("c", 4, 10)]),
        one_by_one,
        world.batch(&ada, &[("a", 1, 10), ("b", 2, 10), ("c", 4, 10), ("d", 8, 10)]),
    ] {
        world.say(&envelope).await;
        world.say(&envelope).await;
    }
    world.metered(&ada, "15").await;
    world.drained("billing-usage").await;
    world.metered(&ada, "15").await;
    assert_eq!(world.count("SELECT count(*) FROM usage_event").await, 4);
    assert_eq!(world.count("SELECT count(*) FROM usage_parked").await, 0);
}

#[tokio::test]
async fn a_thousand_events_that_come_before_their_instance_count_when_that_is_there() {
    let (world, ada) = World::with_customer().await;
    let keys: Vec<_> = (0..1_000).map(|number| format!("posts:{number}")).collect();
    let events: Vec<_> = keys.iter().map(|key| (key.as_str(), 1, 10)).collect();
    world.say(&world.batch(&ada, &events)).await;
    world.counted("SELECT count(*) FROM usage_parked", 1_000).await;
    world.say(&world.enabled(&ada, "forum", 0)).await;
    world.metered(&ada, "1000").await;
    world.counted("SELECT count(*) FROM usage_parked", 0).await;
}

#[tokio::test]
async fn nobody_counts_for_others_in_a_batch() {
    let world = World::start().await;
    let (ada, mut eve) = (world.customer_with_forum().await, world.customer().await);
    eve.instance = ada.instance;
    world.say(&world.batch(&eve, &[("a", 1000, 10)])).await;
    world.say(&Envelope { source: source_of("wiki"), ..world.batch(&ada, &[("a", 1000, 10)]) }).await;
    world.say(&Envelope { tenant: None, ..world.batch(&ada, &[("a", 1000, 10)]) }).await;
    world.say(&world.batch(&ada, &[("a", 1, 10)])).await;
    world.metered(&ada, "1").await;
    let mut reasons = world.platform.dead_letters("billing-usage", 3).await;
    reasons.sort();
    for (reason, expected) in
        reasons.iter().zip(["'/services/wiki' counts for", "the instance", "usage.batch.recorded.v1 names no tenant"])
    {
        assert!(reason.starts_with(expected), "{reason}");
    }
    assert_eq!(world.count("SELECT count(*) FROM usage_parked").await, 0);
}

type Edit = fn(&mut Value);

#[tokio::test]
async fn a_batch_edited_into_nonsense_is_buried_with_the_place_and_the_next_flows_on() {
    let world = World::start().await;
    let ada = world.customer_with_forum().await;
    let edits: [(Edit, &str); 6] = [
        (|data| data["events"][1]["quantity"] = json!("9".repeat(40)), "/events/1/quantity: pattern"),
        (|data| data["events"][0]["key"] = json!("a\0"), "/events/0/key: holds U+0000, which no database keeps"),
        (|data| data["events"][0]["key"] = json!("k".repeat(219)), "/events/0/key: maxLength"),
        (|data| data["events"][1]["occurred_at"] = json!("yesterday"), "/events/1/occurred_at: format"),
        (|data| data["events"] = vec![data["events"][0].clone(); 1_001].into(), "/events: maxItems"),
        (|data| data["events"] = json!([]), "/events: minItems"),
    ];
    for (edit, _) in edits {
        let mut batch = world.batch(&ada, &[("a", 1, 10), ("b", 1, 10)]);
        edit(&mut batch.data);
        world.say(&batch).await;
    }
    world.say(&world.batch(&ada, &[("a", 1, 10)])).await;
    world.metered(&ada, "1").await;
    let reasons = world.platform.dead_letters("billing-usage", edits.len()).await;
    for (_, place) in edits {
        let expected = format!("the data of usage.batch.recorded.v1 do not fit its schema: {place}");
        assert!(reasons.contains(&expected), "{expected}: {reasons:?}");
    }
}

#[tokio::test]
async fn what_waits_has_an_end() {
    let world = World::start().await;
    let (ada, early) = (world.customer_with_forum().await, world.customer().await);
    world.say(&world.batch(&ada, &[("refund", -1, 10), ("too", -2, 10)])).await;
    world.say(&world.batch(&early, &[("early", 1, 10)])).await;
    world.parked(&ada, 3).await;
    let age = "UPDATE usage_parked SET received_at = received_at - interval '91 days',
               waiting_since = waiting_since - interval '91 days' WHERE key NOT LIKE '%too'";
    sqlx::query(age).execute(&world.platform.pool).await.unwrap();
    // It wakes whoever looks.
    world.say(&world.enabled(&ada, "forum.polls", 20)).await;
    let left = reasons(&world, &ada, 2).await;
    let expected = [("early", "expired"), ("too", "quantity_negative")];
    let expected = expected.map(|(key, reason)| (key.to_owned(), reason.to_owned()));
    assert_eq!(left, BTreeMap::from(expected), "what has waited in vain waits for a person from now on");
    world.say(&world.enabled(&early, "forum", 0)).await;
    world.metered(&early, "1").await;
    world.parked(&ada, 1).await;
}

#[tokio::test]
async fn where_too_much_waits_for_a_person_the_rest_of_the_batch_counts() {
    let world = World::start().await;
    let ada = world.customer_with_forum().await;
    room::fill(&world, &ada, 9_999, "key_used").await;
    world.say(&world.batch(&ada, &[("one", -1, 10), ("sound", 1, 10), ("two", -2, 10), ("ahead", 1, 9 * DAY)])).await;
    world.metered(&ada, "1").await;
    assert_eq!(world.count("SELECT count(*) FROM usage_parked WHERE reason = 'in_the_future'").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM usage_parked WHERE reason <> 'in_the_future'").await, 10_000);
}
