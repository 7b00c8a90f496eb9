//! Tests of previews: they say what the invoice will, and change nothing.

use crate::{closing::summary, world::World};
use serde_json::{Value, json};

#[tokio::test]
async fn a_preview_says_what_the_invoice_does() {
    let (world, ada) = World::with_prices().await;
    for envelope in [world.enabled(&ada, "forum", 0), world.disabled(&ada, "forum", 3600)] {
        world.say(&envelope).await;
    }
    world.say(&world.posts(&ada, "posts:1", 200, 10)).await;
    world.features(&ada, &[("forum", 0, Some(3600))]).await;
    world.metered(&ada, "200").await;
    let preview =
        async |request: &Value| world.server.post("/v1/invoice-previews", request).bearer(&ada.token).send().await;
    let first = preview(&json!({"features": []})).await.expect(200);
    assert_eq!(summary(&first), [("forum", "1", "hour", 36), ("forum.posts", "200", "post", 100)]);
    assert_eq!((&first["total_minor"], &first["currency"]), (&136.into(), &"EUR".into()));
    let again = preview(&json!({"features": []})).await.expect(200);
    assert_eq!(again, first);

    // With polls from now on until the end that is planned, a year and some days from now.
    let features = json!([{"instance_id": ada.instance, "feature": "forum.polls"}]);
    let more = preview(&json!({"features": features})).await.expect(200);
    let line =
        &more["lines"].as_array().unwrap().iter().find(|line| line["name"] == "forum.polls").unwrap()["amount_minor"];
    assert!(line.as_i64().unwrap() > 18 * 24 * 365, "{line}");
    let unknown = json!({"features": [{"instance_id": ada.instance, "feature": "forum.magic"}]});
    preview(&unknown).await.problem(422, "invalid");

    let invoice = world.close(&ada, &ada.cycle).await;
    assert_eq!((summary(&invoice), &invoice["total_minor"]), (summary(&first), &first["total_minor"]));
    assert_eq!(preview(&json!({"features": []})).await.expect(200)["lines"], json!([]));
}

#[tokio::test]
async fn who_has_no_account_has_no_preview() {
    let world = World::start().await;
    let reader = world.platform.user(world.platform.tenant(), &["billing.readInvoices"]).await;
    let answer = world.server.post("/v1/invoice-previews", &json!({"features": []})).bearer(&reader.token).send().await;
    answer.problem(404, "account_not_found");
}
