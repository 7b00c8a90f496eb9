//! Tests of messages: everything heard takes effect once, and nothing is lost in silence.

use crate::world::World;
use contracts::{
    envelope::{Envelope, source_of},
    messages::TenantKind,
};
use test_support::eventually;

#[tokio::test]
async fn messages_in_any_order_and_three_times_have_one_effect() {
    let (world, ada) = World::with_customer().await;
    let changes = [
        world.disabled(&ada, "forum.polls", 50),
        world.enabled(&ada, "forum.polls", 80),
        world.posts(&ada, "posts:2", 2, 30),
        world.enabled(&ada, "forum.polls", 10),
        world.posts(&ada, "posts:1", 1, 20),
        world.enabled(&ada, "forum", 10),
        // The same facts, said again under other ids.
        world.disabled(&ada, "forum.polls", 50),
        world.enabled(&ada, "forum.polls", 10),
        world.posts(&ada, "posts:1", 1, 20),
    ];
    for envelope in changes.iter().chain(changes.iter().rev()).chain(&changes) {
        world.say(envelope).await;
    }
    world.features(&ada, &[("forum", 10, None), ("forum.polls", 10, Some(50)), ("forum.polls", 80, None)]).await;
    world.metered(&ada, "3").await;
    world.drained("billing").await;
    world.drained("billing-usage").await;
    world.features(&ada, &[("forum", 10, None), ("forum.polls", 10, Some(50)), ("forum.polls", 80, None)]).await;
    world.metered(&ada, "3").await;
    assert_eq!(world.count("SELECT count(*) FROM usage_event").await, 2);
}

#[tokio::test]
async fn usage_that_can_never_be_billed_is_told_and_the_queue_flows_on() {
    let world = World::start().await;
    let ada = world.customer_with_forum().await;
    world.say(&world.posts(&ada, "posts:1", 1, 10)).await;
    world.metered(&ada, "1").await;
    world.say(&world.posts(&ada, "posts:1", 5, 10)).await;
    world.say(&Envelope { tenant: None, ..world.posts(&ada, "posts:3", 1, 10) }).await;
    world.say(&world.posts(&ada, "posts:4", 1, 40)).await;
    world.metered(&ada, "2").await;
    assert_eq!(world.platform.dead_letters("billing-usage", 1).await, ["usage.recorded.v1 names no tenant"]);
    let parked = world.parked(&ada, 1).await;
    assert_eq!((&parked[0]["key"], &parked[0]["reason"]), (&"posts:1".into(), &"key_used".into()));
}

#[tokio::test]
async fn nobody_counts_for_what_is_not_theirs() {
    let world = World::start().await;
    let (ada, mut eve) = (world.customer_with_forum().await, world.customer_with_forum().await);
    // Another product says what the forum counted, or counts in Ada's forum as if it were its own.
    world.say(&Envelope { source: source_of("wiki"), ..world.posts(&ada, "posts:1", 1000, 10) }).await;
    let mut wiki = world.posts(&ada, "pages:1", 1000, 10);
    (wiki.source, wiki.data["service"], wiki.data["meter"]) = (source_of("wiki"), "wiki".into(), "wiki.pages".into());
    world.say(&wiki).await;
    // Eve is to pay for Ada's forum, and Ada for what is none of the forum's.
    eve.instance = ada.instance;
    world.say(&world.posts(&eve, "posts:2", 1000, 10)).await;
    let mut foreign = world.posts(&ada, "posts:3", 1000, 10);
    foreign.data["meter"] = "wiki.pages".into();
    world.say(&foreign).await;
    let mut reasons = world.platform.dead_letters("billing-usage", 3).await;
    reasons.sort();
    for (reason, expected) in reasons.iter().zip(["'/services/wiki' counts for", "the instance", "the instance"]) {
        assert!(reason.starts_with(expected), "{reason}");
    }
    assert_eq!(world.parked(&ada, 1).await[0]["reason"], "meter_unknown");
    world.say(&world.posts(&ada, "posts:1", 1, 10)).await;
    world.metered(&ada, "1").await;
    assert_eq!(world.count("SELECT count(*) FROM usage_event").await, 1);
}

#[tokio::test]
async fn the_same_key_of_another_tenant_is_other_usage() {
    let world = World::start().await;
    let (ada, eve) = (world.customer_with_forum().await, world.customer_with_forum().await);
    world.say(&world.posts(&ada, "posts:1", 1, 10)).await;
    world.say(&world.posts(&eve, "posts:1", 7, 10)).await;
    world.metered(&ada, "1").await;
    world.metered(&eve, "7").await;
}

#[tokio::test]
async fn another_tenant_cannot_change_an_instance() {
    let world = World::start().await;
    let (ada, mut eve) = (world.customer().await, world.customer().await);
    world.say(&world.enabled(&ada, "forum", 10)).await;
    world.features(&ada, &[("forum", 10, None)]).await;
    eve.instance = ada.instance;
    world.say(&world.disabled(&eve, "forum", 20)).await;
    world.say(&world.enabled(&ada, "other.polls", 20)).await;
    let reasons = world.platform.dead_letters("billing", 2).await.join("; ");
    assert!(
        reasons.contains("belongs to another tenant") && reasons.contains("is not one of the service"),
        "{reasons}"
    );
    world.features(&ada, &[("forum", 10, None)]).await;
}

#[tokio::test]
async fn a_tenant_gets_one_account_and_the_platform_none() {
    let world = World::start().await;
    let (acme, platform) = (world.platform.tenant(), world.platform.tenant());
    world.say(&world.tenant_created(platform, TenantKind::Platform)).await;
    for _ in 0..3 {
        world.say(&world.tenant_created(acme, TenantKind::Customer)).await;
    }
    eventually("the account is there", async || (world.count("SELECT count(*) FROM account").await > 0).then_some(()))
        .await;
    world.drained("billing").await;
    assert_eq!(world.count("SELECT count(*) FROM account").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM cycle").await, 1);
}

#[tokio::test]
async fn a_version_announces_its_prices_once() {
    let world = World::start().await;
    world.publish_forum().await;
    world.say(&world.forum("1.0.0", "0.36", world.at(60))).await;
    world.say(&world.forum("1.0.0", "99", world.at(60))).await;
    let reasons = world.platform.dead_letters("billing", 1).await;
    assert_eq!(reasons, ["version 1.0.0 of forum has announced other prices before"]);
    world.drained("billing").await;
    assert_eq!(world.count("SELECT count(*) FROM rate").await, 3);
    let refused =
        sqlx::query("UPDATE rate SET unit = unit").execute(&world.platform.pool).await.unwrap_err().to_string();
    assert!(refused.contains("rate is never changed"), "{refused}");
}
