//! Enabling services, and what a tenant sees of its instances.

use crate::support::{manifest, start};
use serde_json::json;

#[tokio::test]
async fn an_instance_is_requested_with_the_latest_version() {
    let fixture = start().await;
    fixture.publish(&manifest("1.1.0")).await.expect(201);
    let answer = fixture.create("Acme.Forum.Localhost", &["charts", "polls"]).await;
    let location = answer.header("location").unwrap().to_owned();
    let instance = answer.expect(202);
    assert_eq!(location, format!("/v1/instances/{}", instance["id"].as_str().unwrap()));
    assert_eq!(fixture.as_ada(fixture.server.get(&location)).await.expect(200), instance);
    assert_eq!(
        (&instance["host"], &instance["version"], &instance["state"]),
        (&json!("acme.forum.localhost"), &json!("1.1.0"), &json!("requested"))
    );
    assert_eq!(instance["modules"], json!([{"name": "polls"}, {"name": "charts"}]));
    assert_eq!((instance.get("reason"), instance.get("setup_code")), (None, None));
    assert_eq!(instance["url"], "https://acme.forum.localhost/");
}

#[tokio::test]
async fn each_wrong_field_is_named() {
    let fixture = start().await;
    for (body, fields) in [
        (json!({"service": "forum", "host": "a.b", "modules": ["ghost"]}), vec!["modules[0]"]),
        (json!({"service": "forum", "host": "a.b", "modules": ["charts"]}), vec!["modules[0]"]),
        (json!({"service": "forum", "host": "a.b", "modules": ["polls", "polls"]}), vec!["modules[1]"]),
        (json!({"service": "ghost", "host": "a.b"}), vec!["service"]),
        (json!({"service": "forum", "host": "not a host"}), vec!["host"]),
        (json!({"service": "forum", "host": "localhost"}), vec!["host"]),
        (json!({"service": "forum", "host": "127.0.0.1"}), vec!["host"]),
        (json!({"service": "forum", "host": "a.b:80"}), vec!["host"]),
        (json!({"service": "ghost", "host": ""}), vec!["host", "service"]),
        (json!({"service": "forum", "host": "a_b.c", "modules": ["polls", "ghost"]}), vec!["host", "modules[1]"]),
        (json!({"service": "forum"}), vec!["host"]),
        (json!({"service": "forum", "host": "a.b", "modules": "polls"}), vec!["modules"]),
        (json!({"service": "fo\u{0}rum", "host": "a.b"}), vec!["body"]),
    ] {
        fixture.as_ada(fixture.server.post("/v1/instances", &body)).await.invalid(&fields);
    }
}

#[tokio::test]
async fn a_host_belongs_to_one_instance_that_is_not_deleted() {
    let fixture = start().await;
    let first = fixture.requested("acme.forum.localhost", &[]).await;
    fixture.create("ACME.forum.localhost", &[]).await.problem(409, "host_taken");
    let bob = fixture.stranger().await;
    let body = json!({"service": "forum", "host": "acme.forum.localhost"});
    fixture.server.post("/v1/instances", &body).bearer(&bob.token).send().await.problem(409, "host_taken");
    fixture.tamper("UPDATE instances SET state = 'deleted' WHERE id = $1", first).await;
    fixture.server.post("/v1/instances", &body).bearer(&bob.token).send().await.expect(202);
    fixture.read(first).await.problem(404, "instance_not_found");
}

#[tokio::test]
async fn a_tenant_sees_its_own_instances_page_by_page() {
    let fixture = start().await;
    let mut made = Vec::new();
    for host in ["a.forum.localhost", "b.forum.localhost", "c.forum.localhost"] {
        made.push(fixture.requested(host, &[]).await.to_string());
    }
    let bob = fixture.stranger().await;
    assert_eq!(fixture.server.get("/v1/instances").bearer(&bob.token).send().await.expect(200), json!({"items": []}));
    let (mut seen, mut path) = (Vec::new(), "/v1/instances?limit=2".to_owned());
    loop {
        let page = fixture.as_ada(fixture.server.get(&path)).await.expect(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/instances?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, made);
    fixture.as_ada(fixture.server.get("/v1/instances?limit=0")).await.invalid(&["limit"]);
}

#[tokio::test]
async fn another_tenants_instance_is_not_there() {
    let fixture = start().await;
    let id = fixture.active("acme.forum.localhost", &["polls"]).await;
    let bob = fixture.stranger().await;
    let (server, path) = (&fixture.server, format!("/v1/instances/{id}"));
    server.get(&path).bearer(&bob.token).send().await.problem(404, "instance_not_found");
    server.post(&format!("{path}/retry"), &()).bearer(&bob.token).send().await.problem(404, "instance_not_found");
    server.delete(&format!("{path}/modules/polls")).bearer(&bob.token).send().await.problem(404, "instance_not_found");
    assert_eq!(fixture.get(id).await["modules"].as_array().unwrap().len(), 1);
    server.get("/v1/instances/not-an-id").bearer(&bob.token).send().await.problem(404, "not_found");
}
