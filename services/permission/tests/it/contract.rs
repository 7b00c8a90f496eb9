//! Tests that every operation refuses what its document says.

use crate::support::World;
use test_support::openapi_contract;

#[tokio::test]
async fn every_operation_refuses_what_the_document_says() {
    let world = World::start().await;
    openapi_contract(&world.platform, &world.server, &service_kit::openapi::<permission::Permission>()).await;
}

#[tokio::test]
async fn the_service_says_that_it_is_ready_and_stops_when_told() {
    let world = World::start().await;
    let ready = world.server.ops("/readyz").send().await.expect(200);
    assert_eq!(ready["parts"], serde_json::json!({"database": "up", "redis": "up", "keys": "up"}));
    world.server.stop().await.unwrap();
}
