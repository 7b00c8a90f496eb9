//! A tenant that is suspended: nobody is served by its instance, and nothing of it changes.

use crate::support::{ACME, Fixture, OnHost};
use serde_json::{Value, json};
use test_support::eventually;

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

/// As the configurator says it of a tenant that is suspended.
async fn suspend(fixture: &Fixture, host: &str) -> Value {
    let record = fixture.configurator.get(host);
    fixture.configurator.set(host, "suspended_since", json!("2026-11-23T12:00:00Z"));
    fixture.configurator.set(host, "database_url", Value::Null);
    fixture.announce(host).await;
    record
}

async fn status_of(fixture: &Fixture, expected: u16) {
    eventually(&format!("the answer is {expected}"), async || {
        (fixture.get("/v1/topics").await.status == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nobody_is_served_until_the_tenant_is_resumed() {
    let mut fixture = Fixture::start().await;
    fixture.second_instance("globex.forum.localhost").await;
    let ada = fixture.member("Ada").await;
    let topic = json!({"title": "Ours", "body": "alone"});
    fixture.post_as(&ada, "/v1/topics", &topic).await.expect(201);

    let record = suspend(&fixture, ACME).await;
    status_of(&fixture, 403).await;
    fixture.get("/v1/topics").await.problem(403, "tenant_suspended");
    fixture.post_as(&ada, "/v1/topics", &topic).await.problem(403, "tenant_suspended");
    let page = fixture.server.get("/").header("accept", HTML).on(ACME).await;
    assert_eq!((page.status, page.header("content-type")), (403, Some("text/html; charset=utf-8")));
    assert_eq!((page.header("retry-after"), page.header("cache-control")), (None, Some("no-store")));
    assert!(page.text.contains("Not served at the moment") && !page.text.contains("http-equiv"), "{}", page.text);
    fixture.server.get("/v1/topics").on("globex.forum.localhost").await.expect(200);

    fixture.configurator.put(ACME, record);
    fixture.announce(ACME).await;
    status_of(&fixture, 200).await;
    let topics = fixture.get("/v1/topics").await.expect(200);
    assert_eq!(topics["items"].as_array().map(Vec::len), Some(1), "what was there, and no more");
}

#[tokio::test]
async fn the_setup_form_is_not_shown() {
    let fixture = Fixture::start().await;
    let mut record = fixture.configurator.get(ACME);
    (record["state"], record["database_url"]) = (json!("awaiting_setup"), Value::Null);
    const NEW: &str = "new.forum.localhost";
    fixture.configurator.put(NEW, record);
    suspend(&fixture, NEW).await;
    fixture.server.get("/").on(NEW).await.problem(403, "tenant_suspended");
    let fields = [("title", "Acme talks"), ("setup_code", test_support::SETUP_CODE)];
    let refused = fixture.server.post_form("/setup", &fields).on(NEW).await;
    refused.problem(403, "tenant_suspended");
    assert_eq!(fixture.configurator.get(NEW)["state"], "awaiting_setup");
}

/// As a configurator may say it once every product knows the state.
#[tokio::test]
async fn the_state_says_it_too() {
    let fixture = Fixture::start().await;
    fixture.configurator.set(ACME, "state", json!("suspended"));
    fixture.announce(ACME).await;
    status_of(&fixture, 403).await;
}

/// As a product-kit of before understands what the configurator says of a suspended tenant.
#[tokio::test]
async fn an_active_instance_without_a_database_serves_nobody() {
    let fixture = Fixture::start().await;
    fixture.configurator.set(ACME, "database_url", Value::Null);
    fixture.announce(ACME).await;
    status_of(&fixture, 503).await;
    fixture.get("/v1/topics").await.problem(503, "unavailable");
}
