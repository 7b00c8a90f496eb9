//! Does every operation refuse what it must, as the document says?

use crate::support::environment;
use contracts::manifest::PermissionList;
use test_support::{TestPlatform, openapi_contract};

#[tokio::test]
async fn every_operation_keeps_the_contract() {
    let platform = TestPlatform::of::<auth::Auth>().await;
    let server = platform.run::<auth::Auth>(environment(&platform)).await;
    openapi_contract(&platform, &server, &service_kit::openapi::<auth::Auth>()).await;
    server.get("/openapi.json").send().await.expect(200);
    server.stop().await.unwrap();
}

#[test]
fn the_manifest_is_sound() {
    let list = PermissionList::parse(include_str!("../../permissions.toml")).unwrap();
    assert_eq!((list.namespace.as_str(), list.faults()), ("auth", Vec::new()));
}
