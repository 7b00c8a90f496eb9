//! Tenancy: hosts, states, modules and changes.

use crate::support::{ACME, Fixture, OnHost};
use serde_json::json;
use test_support::eventually;

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

#[tokio::test]
async fn an_unknown_host_has_nothing_and_swagger_needs_no_host() {
    let fixture = Fixture::start().await;
    fixture.server.get("/").on("nobody.localhost").await.problem(404, "not_found");
    fixture.server.get("/v1/topics").on("../../etc").await.problem(400, "host_invalid");
    let page = fixture.server.get("/").header("accept", HTML).on("nobody.localhost").await;
    assert_eq!((page.status, page.header("content-type")), (404, Some("text/html; charset=utf-8")));
    assert!(page.text.contains("Nothing here"));
    let document = fixture.server.get("/openapi.json").on("localhost").await.expect(200);
    assert_eq!(document["info"]["title"], "Forum");
    assert_eq!(fixture.server.get("/docs/").on("localhost").await.status, 200);
}

#[tokio::test]
async fn many_requests_for_a_new_host_are_one_look_up() {
    let fixture = Fixture::start().await;
    let before = fixture.configurator.look_ups(ACME);
    let tasks: Vec<_> =
        (0..20).map(|_| fixture.server.get("/v1/topics").header("host", ACME).send()).map(tokio::spawn).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().status, 200);
    }
    assert_eq!(fixture.configurator.look_ups(ACME) - before, 1);
}

#[tokio::test]
async fn two_hosts_see_nothing_of_each_other() {
    let mut fixture = Fixture::start().await;
    fixture.second_instance("globex.forum.localhost").await;
    let ada = fixture.member("Ada").await;
    let topic = fixture.post_as(&ada, "/v1/topics", &json!({"title": "Ours", "body": "alone"})).await.expect(201);
    let elsewhere = fixture.server.get("/v1/topics").on("globex.forum.localhost").await.expect(200);
    assert_eq!(elsewhere["items"], json!([]));
    let path = format!("/v1/topics/{}", topic["id"].as_str().unwrap());
    assert_eq!(fixture.get(&path).await.expect(200)["title"], "Ours");
    fixture.server.get(&path).on("globex.forum.localhost").await.problem(404, "topic_not_found");
    let answer = fixture
        .server
        .post("/v1/topics", &json!({"title": "T", "body": "B"}))
        .bearer(&ada)
        .on("globex.forum.localhost")
        .await;
    answer.problem(401, "token_invalid");
}

#[tokio::test]
async fn a_host_in_the_making_asks_for_patience() {
    let fixture = Fixture::start().await;
    for state in ["requested", "provisioning", "migrating", "seeding"] {
        let host = format!("{state}.forum.localhost");
        let mut record = fixture.configurator.get(ACME);
        record["state"] = json!(state);
        record["database_url"] = json!(null);
        fixture.configurator.put(&host, record);
        let answer = fixture.server.get("/v1/topics").on(&host).await;
        assert_eq!(answer.header("retry-after"), Some("1"), "{state}");
        answer.problem(503, "unavailable");
        let page = fixture.server.get("/").header("accept", HTML).on(&host).await;
        assert_eq!((page.status, page.header("retry-after")), (503, Some("1")));
        assert!(page.text.contains("http-equiv=\"refresh\""), "{}", page.text);
        // Nobody announces it, and still it is seen soon: states that pass are not remembered for long.
        fixture.configurator.put(&host, fixture.configurator.get(ACME));
        eventually("the instance is there", async || {
            (fixture.server.get("/v1/topics").on(&host).await.status == 200).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_module_that_is_removed_is_gone_at_once() {
    let fixture = Fixture::start().await;
    fixture.get("/v1/polls").await.expect(200);
    assert!(fixture.get("/").await.text.contains("href=\"/polls\""));
    fixture.get("/v1/statistics").await.problem(404, "not_found");
    fixture.get("/statistics").await.problem(404, "not_found");

    fixture.configurator.set(ACME, "modules", json!([]));
    fixture.get("/v1/polls").await.expect(200);
    assert_eq!(fixture.announce(ACME).await, 1);
    eventually("polls are gone", async || (fixture.get("/v1/polls").await.status == 404).then_some(())).await;
    fixture.get("/polls").await.problem(404, "not_found");
    assert!(!fixture.get("/").await.text.contains("href=\"/polls\""));
}
