//! Tests of what a version of a service no longer has: it is used for a while all the same, and nothing of that is lost.

use crate::{closing::summary, world::World};
use contracts::{envelope::Envelope, manifest::Manifest, messages::ServicePublished};
use serde_json::{Value, json};
use test_support::eventually;

/// The forum without polls, and without a price of posts.
const SMALLER: &str = "service = \"forum\"\nversion = \"2.0.0\"\ntitle = \"Forum\"\ncurrency = \"EUR\"\nprice_per_hour = \
                       \"0.72\"\n[setup]\ntype = \"object\"\n";

fn unrated(usage: &Value) -> Vec<(&str, bool)> {
    let features =
        usage["features"].as_array().unwrap().iter().map(|use_| (&use_["feature"], &use_["unbilled_because"]));
    let meters = usage["meters"].as_array().unwrap().iter().map(|use_| (&use_["meter"], &use_["unbilled_because"]));
    features.chain(meters).map(|(name, because)| (name.as_str().unwrap(), because != "unrated")).collect()
}

#[tokio::test]
async fn use_of_what_a_version_no_longer_has_is_unrated_and_shown_and_stays() {
    let (world, ada) = World::with_prices().await;
    let manifest = Manifest::parse(SMALLER).expect("a manifest");
    let published = world.platform.envelope(None, &ServicePublished { manifest });
    world.say(&Envelope { time: world.start, ..published }).await;
    eventually("the rates are known", async || (world.count("SELECT count(*) FROM rate").await == 4).then_some(()))
        .await;
    world.say(&world.enabled_in(&ada, "forum", 0, Some("2.0.0"))).await;
    world.say(&world.enabled_in(&ada, "forum.polls", 0, Some("2.0.0"))).await;
    for feature in ["forum", "forum.polls"] {
        world.say(&world.disabled(&ada, feature, 3600)).await;
    }
    world.say(&world.batch(&ada, &[("one", 3, 10)])).await;
    world.metered(&ada, "3").await;
    world.features(&ada, &[("forum", 0, Some(3600)), ("forum.polls", 0, Some(3600))]).await;
    let usage = world.get(&ada.token, "/v1/usage").await;
    assert_eq!(unrated(&usage), [("forum", true), ("forum.polls", false), ("forum.posts", false)]);
    assert_eq!(world.get(&ada.token, "/v1/parked-usage").await["items"], json!([]));
    let invoice = world.close(&ada, &ada.cycle).await;
    assert_eq!(summary(&invoice), [("forum", "1", "hour", 72)]);
    let usage = world.get(&ada.token, "/v1/usage").await;
    assert_eq!(unrated(&usage), [("forum.polls", false), ("forum.posts", false)]);
    assert_eq!(usage["meters"][0]["quantity"], "3");
}
