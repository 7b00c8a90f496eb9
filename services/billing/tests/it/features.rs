//! Tests of who uses what, since when and until when.

use crate::world::{Customer, World};
use serde_json::{Value, json};

/// Feature, version and end of each, by their second.
fn shown(page: &Value) -> Vec<(&str, &str, bool)> {
    let text = |item: &'_ Value, field: &str| item[field].as_str().is_some();
    let items = page["items"].as_array().expect("items").iter();
    items
        .map(|item| {
            (item["feature"].as_str().unwrap(), item["version"].as_str().unwrap_or_default(), text(item, "until"))
        })
        .collect()
}

async fn use_polls(world: &World, ada: &Customer) {
    for change in [world.enabled(ada, "forum.polls", 10), world.disabled(ada, "forum.polls", 20)] {
        world.say(&change).await;
    }
    world.features(ada, &[("forum", 0, None), ("forum.polls", 10, Some(20))]).await;
}

#[tokio::test]
async fn a_tenant_sees_what_it_uses_and_what_it_has_used() {
    let world = World::start().await;
    let (ada, eve) = (world.customer_with_forum().await, world.customer_with_forum().await);
    use_polls(&world, &ada).await;
    let all = world.get(&ada.token, "/v1/features").await;
    assert_eq!(shown(&all), [("forum", "1.0.0", false), ("forum.polls", "1.0.0", true)]);
    let first = &all["items"][0];
    assert_eq!((&first["tenant_id"], &first["instance_id"]), (&json!(ada.tenant), &json!(ada.instance)));
    assert_eq!((&first["service"], &first["host"]), (&json!("forum"), &json!("acme.forum.localhost")));
    for (query, expected) in [
        ("in_use=true", vec![("forum", "1.0.0", false)]),
        ("in_use=false", vec![("forum.polls", "1.0.0", true)]),
        ("service=wiki", vec![]),
    ] {
        assert_eq!(shown(&world.get(&ada.token, &format!("/v1/features?{query}")).await), expected, "{query}");
    }
    assert_eq!(shown(&world.get(&eve.token, "/v1/features").await).len(), 1);
    let first = world.get(&ada.token, "/v1/features?limit=1").await;
    let cursor = first["next_cursor"].as_str().expect("another page");
    let rest = world.get(&ada.token, &format!("/v1/features?limit=1&cursor={cursor}")).await;
    assert_eq!((shown(&rest)[0].0, &rest["next_cursor"]), ("forum.polls", &Value::Null));
    let long = format!("/v1/features?service={}", "s".repeat(41));
    world.server.get(&long).bearer(&ada.token).send().await.invalid(&["service"]);
}

#[tokio::test]
async fn operators_see_what_all_tenants_use() {
    let world = World::start().await;
    let (ada, _eve) = (world.customer_with_forum().await, world.customer_with_forum().await);
    use_polls(&world, &ada).await;
    let get = async |query: &str| world.get(&ada.token, &format!("/v1/tenant-features{query}")).await;
    assert_eq!(shown(&get("").await).len(), 3);
    assert_eq!(shown(&get("?in_use=true").await).len(), 2);
    assert_eq!(shown(&get(&format!("?tenant_id={}", ada.tenant)).await).len(), 2);
    assert_eq!(shown(&get("?service=wiki").await).len(), 0);
    let tenant = world.platform.user(ada.tenant, &["billing.readUsage"]).await;
    world.server.get("/v1/features").bearer(&tenant.token).send().await.expect(200);
    world.server.get("/v1/tenant-features").bearer(&tenant.token).send().await.problem(403, "permission_missing");
}
