//! Does the service keep what its document says?

use crate::world::World;
use common::config::Env;
use serde_json::Value;
use std::collections::BTreeSet;
use test_support::openapi_contract;

#[tokio::test]
async fn every_operation_refuses_what_its_document_says() {
    let world = World::start().await;
    openapi_contract(&world.platform, &world.server, &billing::router::openapi()).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(world.server.ops(path).send().await.status, 200, "{path}");
    }
}

#[test]
fn every_permission_of_the_routes_is_in_the_manifest_and_the_other_way_round() {
    let list = contracts::manifest::PermissionList::parse(include_str!("../../manifest.toml")).unwrap();
    let listed: BTreeSet<String> = list.permissions.into_iter().map(|entry| entry.name).collect();
    let document = billing::router::openapi();
    let operations = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let scopes = operations.flat_map(|operation| operation["security"][0]["bearer"].as_array().unwrap()).filter_map(Value::as_str);
    assert_eq!(scopes.map(str::to_owned).collect::<BTreeSet<_>>(), listed);
}

#[test]
fn a_wrong_account_currency_is_told_with_the_other_faults() {
    let mut env = Env::new([("ACCOUNT_CURRENCY".to_owned(), "euro".to_owned())]);
    let config = billing::config::Config::read(&mut env);
    let faults = env.finish(config).unwrap_err().to_string();
    assert!(faults.contains("ACCOUNT_CURRENCY: must be an ISO 4217 code") && faults.contains("DATABASE_URL is missing"), "{faults}");
}
