//! The service against its OpenAPI document.

use crate::support::environment;
use test_support::{TestPlatform, openapi_contract};

#[tokio::test]
async fn every_operation_keeps_the_contract() {
    let platform = TestPlatform::of::<auth::Auth>().await;
    let server = platform.run::<auth::Auth>(environment(&platform)).await;
    openapi_contract(&platform, &server, &service_kit::openapi::<auth::Auth>()).await;
    server.get("/openapi.json").await.expect(200);
    server.stop().await.unwrap();
}
