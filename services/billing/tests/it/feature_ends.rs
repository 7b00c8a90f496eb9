//! Tests of ending a feature by hand: one that nobody else ends any more.

use crate::{
    reconciliation::{Stage, one},
    world::Customer,
};
use serde_json::json;
use test_support::TestAnswer;

async fn end(stage: &Stage, ada: &Customer, id: &str, second: i64) -> TestAnswer {
    let path = format!("/v1/feature-discrepancies/{id}/end");
    let body = json!({"ended_at": stage.world.at(second)});
    stage.world.server.post(&path, &body).bearer(&ada.token).send().await
}

#[tokio::test]
async fn a_feature_of_an_instance_that_is_gone_is_ended_by_an_operator() {
    let stage = Stage::set().await;
    let (world, ada) = (&stage.world, stage.world.customer_with_forum().await);
    let id = async || {
        let page = world.get(&ada.token, &format!("/v1/feature-discrepancies?tenant_id={}", ada.tenant)).await;
        page["items"][0]["id"].as_str().expect("an id").to_owned()
    };
    stage.configurator.says(Vec::new());
    stage.compare(&ada).await;
    end(&stage, &ada, &id().await, 50).await.problem(409, "discrepancy_not_open");
    stage.compare_twice(&ada).await;
    let open = id().await;
    assert_eq!(stage.found(&ada).await, one("instance_not_there", "open"));

    end(&stage, &ada, &world.platform.tenant().to_string(), 50).await.problem(404, "discrepancy_not_found");
    for wrong in [0, 10 * 86_400] {
        end(&stage, &ada, &open, wrong).await.invalid(&["ended_at"]);
    }
    let reader = world.platform.user(ada.tenant, &["billing.readFeatures", "billing.reconcileFeatures"]).await;
    let reader = Customer { token: reader.token, cycle: String::new(), ..ada };
    end(&stage, &reader, &open, 50).await.problem(403, "permission_missing");
    world.features(&ada, &[("forum", 0, None)]).await;

    let ended = end(&stage, &ada, &open, 50).await.expect(200);
    assert_eq!((&ended["state"], &ended["ended_at"]), (&json!("ended"), &json!(world.at(50))));
    assert!(ended["ended_by"].as_str().is_some_and(|by| by.starts_with("user:")));
    world.features(&ada, &[("forum", 0, Some(50))]).await;
    end(&stage, &ada, &open, 60).await.problem(409, "discrepancy_not_open");
    stage.compare_twice(&ada).await;
    assert_eq!(stage.found(&ada).await, one("instance_not_there", "ended"));
}

#[tokio::test]
async fn what_the_configurator_says_is_in_use_is_not_ended_by_hand() {
    let stage = Stage::set().await;
    let (world, ada) = (&stage.world, stage.world.customer_with_forum().await);
    stage.configurator.says(vec![stage.forum(&ada, &[("forum", 5)], &[])]);
    stage.compare_twice(&ada).await;
    assert_eq!(stage.found(&ada).await, one("since_differs", "open"));
    let page = world.get(&ada.token, "/v1/feature-discrepancies").await;
    end(&stage, &ada, page["items"][0]["id"].as_str().expect("an id"), 50).await.problem(409, "discrepancy_not_open");
    world.features(&ada, &[("forum", 0, None)]).await;
}
