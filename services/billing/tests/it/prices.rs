//! Tests of prices: those of the version at which the tenant began to pay hold, whatever is announced or run later.

use crate::{
    closing::{explain, summary},
    world::{Customer, World},
};
use test_support::eventually;

/// Announces versions of the forum with their prices an hour, said at these seconds.
async fn announce(world: &World, versions: &[(&str, &str, i64)]) {
    for (version, price, second) in versions {
        world.say(&world.forum(version, price, world.at(*second))).await;
    }
    eventually("the rates are known", async || {
        (world.count("SELECT count(*) FROM rate").await == 3 * versions.len() as i64).then_some(())
    })
    .await;
}

/// An hour of the forum from `begin` on, under `version`, and a post in it.
async fn use_for_an_hour(world: &World, customer: &Customer, begin: i64, version: Option<&str>) {
    world.say(&world.enabled_in(customer, "forum", begin, version)).await;
    world.say(&world.disabled(customer, "forum", begin + 3600)).await;
    world.say(&world.posts(customer, &format!("posts:{begin}"), 200, begin + 10)).await;
    world.features(customer, &[("forum", begin, Some(begin + 3600))]).await;
    world.metered(customer, "200").await;
}

#[tokio::test]
async fn a_patch_of_an_old_version_reprices_nobody_else() {
    let world = World::start().await;
    announce(&world, &[("1.0.0", "0.36", 0), ("2.0.0", "0.72", 10), ("1.0.1", "36", 20)]).await;
    for (version, hour) in [("1.0.0", 36), ("2.0.0", 72), ("1.0.1", 3600)] {
        let customer = world.customer().await;
        use_for_an_hour(&world, &customer, 100, Some(version)).await;
        let usage = world.get(&customer.token, "/v1/usage").await;
        assert_eq!(
            (&usage["features"][0]["version"], &usage["meters"][0]["unbilled_because"]),
            (&version.into(), &"cycle_open".into())
        );
        let invoice = world.close(&customer, &customer.cycle).await;
        assert_eq!(summary(&invoice), [("forum", "1", "hour", hour), ("forum.posts", "200", "post", 100)], "{version}");
        for explanation in explain(&world, &customer, &invoice).await {
            assert_eq!(explanation["rate"]["version"], version);
        }
    }
}

#[tokio::test]
async fn an_instance_that_changes_its_version_keeps_its_price() {
    let world = World::start().await;
    announce(&world, &[("1.0.0", "0.36", 0), ("2.0.0", "0.72", 0)]).await;
    let ada = world.customer().await;
    world.say(&world.enabled_in(&ada, "forum", 0, Some("1.0.0"))).await;
    world.features(&ada, &[("forum", 0, None)]).await;
    world.say(&world.enabled_in(&ada, "forum", 7200, Some("2.0.0"))).await;
    world.say(&world.disabled(&ada, "forum", 10_800)).await;
    world.features(&ada, &[("forum", 0, Some(7200)), ("forum", 7200, Some(10_800))]).await;
    let invoice = world.close(&ada, &ada.cycle).await;
    assert_eq!(summary(&invoice), [("forum", "3", "hour", 108)]);
    explain(&world, &ada, &invoice).await;
}

#[tokio::test]
async fn a_module_that_came_later_costs_what_its_first_version_said() {
    let world = World::start().await;
    let mut without_polls = world.forum("1.0.0", "0.36", world.at(0));
    without_polls.data["manifest"]["modules"] = serde_json::json!([]);
    world.say(&without_polls).await;
    for (version, price) in [("1.1.0", "0.36"), ("1.2.0", "0.99")] {
        world.say(&world.forum(version, price, world.at(0))).await;
    }
    world.counted("SELECT count(*) FROM plan_version", 3).await;
    let ada = world.customer().await;
    for feature in ["forum", "forum.polls"] {
        world.say(&world.enabled_in(&ada, feature, 0, Some("1.0.0"))).await;
        world.say(&world.disabled(&ada, feature, 3600)).await;
    }
    world.features(&ada, &[("forum", 0, Some(3600)), ("forum.polls", 0, Some(3600))]).await;
    let invoice = world.close(&ada, &ada.cycle).await;
    let versions: Vec<_> =
        explain(&world, &ada, &invoice).await.iter().map(|line| line["rate"]["version"].clone()).collect();
    assert_eq!(versions, ["1.0.0", "1.1.0"]);
}

#[tokio::test]
async fn where_nobody_says_the_version_it_is_the_latest_of_the_time() {
    let world = World::start().await;
    announce(&world, &[("1.0.0", "0.36", 0), ("2.0.0", "0.72", 50), ("1.0.1", "36", 60), ("3.0.0", "99", 5000)]).await;
    for (begin, hour) in [(10, 36), (100, 72)] {
        let customer = world.customer().await;
        use_for_an_hour(&world, &customer, begin, None).await;
        let invoice = world.close(&customer, &customer.cycle).await;
        assert_eq!(summary(&invoice), [("forum", "1", "hour", hour), ("forum.posts", "200", "post", 100)]);
        explain(&world, &customer, &invoice).await;
    }
}
