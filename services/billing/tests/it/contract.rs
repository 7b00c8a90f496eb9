//! Tests that the service keeps what its document says.

use crate::world::World;
use common::config::Env;
use test_support::openapi_contract;

#[tokio::test]
async fn every_operation_refuses_what_its_document_says() {
    let world = World::start().await;
    openapi_contract(&world.platform, &world.server, &service_kit::openapi::<billing::Billing>()).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(world.server.ops(path).send().await.status, 200, "{path}");
    }
}

#[test]
fn a_wrong_account_currency_is_told_with_the_other_faults() {
    let mut env = Env::new([("ACCOUNT_CURRENCY".to_owned(), "euro".to_owned())]);
    let config = service_kit::Config::<billing::config::Settings>::read(&mut env, contracts::roster::BILLING);
    let faults = env.finish(config).unwrap_err().to_string();
    assert!(
        faults.contains("ACCOUNT_CURRENCY: must be an ISO 4217 code") && faults.contains("DATABASE_URL is missing"),
        "{faults}"
    );
}
