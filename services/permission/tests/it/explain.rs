//! Tests of explanations, of now and of the past.

use crate::support::{World, entry, principal, texts};
use serde_json::{Value, json};
use test_support::TestUser;

const READ: &str = "permission.readGrants";

async fn explain(world: &World, by: &TestUser, about: &TestUser, permission: &str) -> Value {
    world.post("/v1/explain", by, json!({"principal": principal(about), "permission": permission})).await.expect(200)
}

fn missing(explanation: &Value, field: &str) -> Vec<String> {
    texts(explanation["missing"].as_array().unwrap(), field)
}

#[tokio::test]
async fn the_way_leads_from_the_grant_over_group_and_roles() {
    let (world, ada, bob) = World::with_stranger().await;
    world.role(&ada, "helper", &["permission.*"], &[]).await;
    world.role(&ada, "moderator", &[], &["helper"]).await;
    let group = world.group(&ada, "staff", &[&bob]).await;
    let grant = world.give(&ada, &format!("group:{group}"), json!({"role": "moderator"})).await;
    let found = explain(&world, &ada, &bob, READ).await;
    let way = json!({"grant": grant["id"], "group": {"id": group, "name": "staff"}, "roles": ["moderator", "helper"],
        "by": "permission.*"});
    assert_eq!(
        (&found["allowed"], &found["allowed_by"], &found["denied_by"]),
        (&json!(true), &json!([way]), &json!([]))
    );
    assert_eq!(found["version"], grant["version"]);
    let denial = world.deny(&ada, &principal(&bob), READ).await.expect(201);
    let found = explain(&world, &ada, &bob, READ).await;
    assert_eq!(
        (&found["allowed"], &found["denied_by"]),
        (&json!(false), &json!([{"grant": denial["id"], "roles": [], "by": READ}]))
    );
    assert_eq!(explain(&world, &ada, &ada, READ).await["allowed_by"][0]["roles"], json!(["owner"]));
}

#[tokio::test]
async fn what_is_missing_is_named_nearest_first() {
    let (world, ada, bob) = World::with_stranger().await;
    world
        .register(
            "billing",
            json!([entry("billing.readUsage"), {"name": "billing.closeCycles", "text": "x", "scope": "platform"}]),
        )
        .await
        .expect(204);
    world.role(&ada, "all", &["permission.*"], &[]).await;
    let wild = world.give(&ada, &principal(&bob), json!({"role": "all"})).await;
    let dangerous = explain(&world, &ada, &bob, "permission.writeRoles").await;
    assert_eq!(
        (dangerous["missing"][0]["kind"].as_str(), &dangerous["missing"][0]["grant"]),
        (Some("dangerous"), &wild["id"])
    );
    let grant = world.grant(&ada, &bob, "billing.readUsage").await;
    world.revoke(&ada, &grant).await.expect(204);
    let group = world.group(&ada, "payers", &[]).await;
    world.give(&ada, &format!("group:{group}"), json!({"permission": "billing.readUsage"})).await;
    world.role(&ada, "payer", &["billing.*"], &[]).await;
    let found = explain(&world, &ada, &bob, "billing.readUsage").await;
    assert_eq!(missing(&found, "kind"), ["ended", "group", "role", "role", "permission"]);
    assert_eq!(found["missing"][0]["grant"], grant);
    let texts = missing(&found, "text");
    assert!(texts[1].contains("payers") && texts[2].contains("payer") && texts[3].contains("owner"), "{texts:?}");
    assert_eq!(missing(&explain(&world, &ada, &ada, "billing.closeCycles").await, "kind")[0], "scope");
}

#[tokio::test]
async fn the_past_is_as_it_was() {
    let (world, ada, bob) = World::with_stranger().await;
    let (now, mut instants) = (|| world.platform.ambient.now(), Vec::new());
    instants.push((now(), false, "nothing yet"));
    let role = world.role(&ada, "auditor", &[READ], &[]).await;
    let group = world.group(&ada, "staff", &[&bob]).await;
    world.give(&ada, &format!("group:{group}"), json!({"role": "auditor"})).await;
    instants.push((now(), true, "a group's grant of a role"));
    world
        .edit_role(&ada, &role, "*", json!({"name": "reader", "permissions": ["permission.readRoles"]}))
        .await
        .expect(200);
    instants.push((now(), false, "the role was edited"));
    world.edit_role(&ada, &role, "*", json!({"name": "reader", "permissions": [READ]})).await.expect(200);
    instants.push((now(), true, "the role was edited back"));
    world.leave(&ada, &group, &bob).await.expect(204);
    instants.push((now(), false, "the group was left"));
    world.join(&ada, &group, &bob).await.expect(204);
    instants.push((now(), true, "the group was joined again"));
    let denial = world.deny(&ada, &principal(&bob), READ).await.expect(201);
    instants.push((now(), false, "it was denied"));
    world.revoke(&ada, denial["id"].as_str().unwrap()).await.expect(204);
    instants.push((now(), true, "the denial was lifted"));
    world.delete(&format!("/v1/groups/{group}"), &ada).await.expect(204);
    world.delete(&format!("/v1/roles/{role}"), &ada).await.expect(204);
    instants.push((now(), false, "group and role are deleted"));
    let mut versions = Vec::new();
    for (at, allowed, what) in instants {
        let found = world
            .post("/v1/explain", &ada, json!({"principal": principal(&bob), "permission": READ, "at": at}))
            .await
            .expect(200);
        assert_eq!(found["allowed"], allowed, "{what}: {found}");
        versions.push(found["version"].as_i64().unwrap());
    }
    assert!(versions.is_sorted() && versions[0] == 1, "{versions:?}");
}

#[tokio::test]
async fn wrong_questions_are_named() {
    let world = World::start().await;
    let (ada, eve) = (world.owner().await, world.owner().await);
    let ask = async |body: Value| world.post("/v1/explain", &ada, body).await;
    ask(json!({"principal": principal(&ada), "permission": "permission.ghost"})).await.invalid(&["permission"]);
    ask(json!({"principal": "ada", "permission": READ})).await.invalid(&["principal"]);
    ask(json!({"principal": principal(&ada), "permission": READ, "at": "2999-01-01T00:00:00Z"})).await.invalid(&["at"]);
    ask(json!({"principal": principal(&ada), "permission": READ, "at": "2020-01-01T00:00:00Z"}))
        .await
        .invalid(&["permission"]);
    let found = explain(&world, &ada, &eve, READ).await;
    assert_eq!(
        (&found["allowed"], &found["allowed_by"]),
        (&json!(false), &json!([])),
        "another tenant's grants are not there"
    );
}
