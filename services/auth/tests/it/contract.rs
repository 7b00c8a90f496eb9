//! Does every operation refuse what it must, as the document says?

use crate::support::{config, environment};
use contracts::manifest::PermissionList;
use test_support::{TestPlatform, openapi_contract};

#[tokio::test]
async fn every_operation_keeps_the_contract() {
    let platform = TestPlatform::start("auth", &auth::MIGRATOR).await;
    let server = platform
        .serve(|lifecycle, bound, ambient| auth::start(config(environment(&platform)), bound, ambient, lifecycle))
        .await;
    openapi_contract(&platform, &server, &auth::router::openapi()).await;
    server.get("/openapi.json").send().await.expect(200);
    server.stop().await.unwrap();
}

#[test]
fn the_manifest_is_sound() {
    let list = PermissionList::parse(include_str!("../../manifest.toml")).unwrap();
    assert_eq!((list.namespace.as_str(), list.faults()), ("auth", Vec::new()));
}
