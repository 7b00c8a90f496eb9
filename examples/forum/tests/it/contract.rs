//! The forum as its document and its manifest say.

use crate::support::{Fixture, MANIFEST};
use common::config::Env;
use contracts::manifest::Manifest;
use serde_json::{Value, json};

#[tokio::test]
async fn bad_requests_get_what_the_document_says() {
    let fixture = Fixture::start().await;
    let mut document = product_kit::product::document::<forum::Forum>();
    let of_members = take_members_operations(&mut document);
    fixture.configurator.set("127.0.0.1", "modules", json!(["polls", "statistics"]));
    fixture.announce("127.0.0.1").await;
    test_support::openapi_contract(&fixture.platform, &fixture.server, &document).await;
    assert!(!of_members.is_empty());
    let nothing = fixture.platform.ambient.uuid().to_string();
    for path in of_members {
        let path = path.replace("{id}", &nothing);
        fixture.server.post(&path, &json!({})).send().await.problem(401, "token_missing");
        let ada = fixture.member(&format!("M{}", path.len())).await;
        let request = || fixture.server.request("POST".parse().unwrap(), &path).bearer(&ada);
        request().body("text/plain", "{}").send().await.problem(415, "unsupported_media_type");
        request().body("application/json", "{").send().await.problem(400, "malformed_json");
        request().body("application/json", "{}").send().await.problem(422, "invalid");
    }
}

/// Paths of the operations that take the forum's own tokens, which the platform's contract test has none of.
fn take_members_operations(document: &mut Value) -> Vec<String> {
    let mut paths = Vec::new();
    for (path, item) in document["paths"].as_object_mut().expect("a document has paths") {
        let item = item.as_object_mut().expect("a path has operations");
        if item.get("post").is_some_and(|operation| operation["security"][0].get("member").is_some()) {
            item.remove("post");
            paths.push(path.clone());
        }
    }
    document["paths"]
        .as_object_mut()
        .expect("a document has paths")
        .retain(|_, item| item.as_object().is_some_and(|item| !item.is_empty()));
    paths
}

#[test]
fn the_manifest_is_sound() {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    assert_eq!(manifest.faults(), Vec::<String>::new());
    assert_eq!(
        manifest.features().into_iter().map(|(name, price)| format!("{name} {price}")).collect::<Vec<_>>(),
        ["forum 0.02", "forum.polls 0.01", "forum.statistics 0.005"]
    );
    assert_eq!(
        (manifest.meters[0].table.as_str(), manifest.meters[0].price_per_unit.to_string()),
        ("posts", "0.001".to_owned())
    );
}

#[tokio::test]
async fn the_manifest_is_published_as_it_is_in_the_bundle() {
    let fixture = Fixture::start().await;
    let mut variables = fixture.platform.env();
    variables.insert("CONFIGURATOR_URL".into(), fixture.configurator.url.clone());
    variables.insert("BUNDLE_DIR".into(), concat!(env!("CARGO_MANIFEST_DIR"), "/bundles/forum/1.0.0").into());
    let mut env = Env::new(variables);
    let config = product_kit::publish::Config::read(&mut env, "forum");
    product_kit::publish::run(env.finish(config).unwrap()).await.unwrap();
    let published = fixture.configurator.published("forum").expect("a manifest");
    assert_eq!(serde_json::from_value::<Manifest>(published).unwrap(), Manifest::parse(MANIFEST).unwrap());
}
