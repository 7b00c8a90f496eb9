//! Tests of the registry: how it changes, and whom that touches.

use crate::support::{World, entry, principal};
use contracts::{manifest::Manifest, messages::ServicePublished};
use redis::AsyncCommands;
use serde_json::json;
use test_support::eventually;

fn published(version: &str, actions: &[&str]) -> ServicePublished {
    let permissions: Vec<_> =
        actions.iter().map(|action| json!({"name": format!("forum.{action}"), "text": version})).collect();
    let manifest: Manifest = serde_json::from_value(json!({
        "service": "forum", "version": version, "title": "Forum", "currency": "EUR", "price_per_hour": "0.02",
        "permissions": permissions, "setup": {"type": "object"},
    }))
    .unwrap();
    ServicePublished { manifest }
}

#[tokio::test]
async fn a_service_replaces_its_own_list() {
    let (world, ada) = World::with_owner().await;
    world.register("billing", json!([entry("billing.readInvoices"), entry("billing.readUsage")])).await.expect(204);
    assert!(world.permissions(&ada).await.contains(&"billing.readUsage".to_owned()));
    world.register("billing", json!([entry("billing.readInvoices")])).await.expect(204);
    assert!(!world.permissions(&ada).await.contains(&"billing.readUsage".to_owned()));
    world.register("billing", json!([entry("billing.readInvoices"), entry("billing.readUsage")])).await.expect(204);
    assert!(world.permissions(&ada).await.contains(&"billing.readUsage".to_owned()));
}

#[tokio::test]
async fn what_is_granted_by_name_cannot_be_removed() {
    let (world, ada, bob) = World::with_stranger().await;
    world.register("billing", json!([entry("billing.readInvoices"), entry("billing.readUsage")])).await.expect(204);
    let grant = world.grant(&ada, &bob, "billing.readInvoices").await;
    let role =
        world.post("/v1/roles", &ada, json!({"name": "x", "permissions": ["billing.readUsage"]})).await.expect(201);
    let refusal = world.register("billing", json!([])).await.problem(409, "permission_granted");
    assert!(refusal["detail"].as_str().unwrap().contains("billing.readInvoices, billing.readUsage"), "{refusal}");
    assert_eq!(world.permissions(&bob).await, ["billing.readInvoices"]);
    world.revoke(&ada, &grant).await.expect(204);
    world.delete(&format!("/v1/roles/{}", role["id"].as_str().unwrap()), &ada).await.expect(204);
    world.register("billing", json!([])).await.expect(204);
}

#[tokio::test]
async fn what_is_granted_is_removed_once_it_was_deprecated() {
    let (world, ada, bob) = World::with_stranger().await;
    world.register("billing", json!([entry("billing.readInvoices")])).await.expect(204);
    world.grant(&ada, &bob, "billing.readInvoices").await;
    world.register("billing", json!([])).await.problem(409, "permission_granted");
    world
        .register("billing", json!([{"name": "billing.readInvoices", "text": "x", "deprecated": true}]))
        .await
        .expect(204);
    assert_eq!(world.permissions(&bob).await, ["billing.readInvoices"], "it goes on until it is removed");
    let listed = world.get("/v1/permissions?limit=200", &ada).await.expect(200);
    assert!(
        listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| entry["name"] == "billing.readInvoices" && entry["deprecated"] == true)
    );
    world.register("billing", json!([])).await.expect(204);
    assert_eq!(world.permissions(&bob).await, [""; 0]);
}

#[tokio::test]
async fn only_a_change_makes_caches_forget_and_it_does_so_before_the_answer() {
    let (world, ada, bob) = World::with_stranger().await;
    world.post("/v1/roles", &ada, json!({"name": "auditor", "permissions": ["permission.*"]})).await.expect(201);
    world.give(&ada, &principal(&bob), json!({"role": "auditor"})).await;
    world.get("/v1/roles", &bob).await.expect(200);
    let key = format!("{}{{{}}}:ts", world.platform.redis_prefix(), ada.tenant);
    let stamp = async || world.platform.redis.clone().get::<_, String>(&key).await.unwrap();
    let own = ["readAudit", "readRoles", "writeRoles", "readGrants", "writeGrants"]
        .map(|action| format!("permission.{action}"));
    let list = |dangerous: bool| {
        own.iter()
            .map(|name| json!({"name": name, "text": "x", "dangerous": dangerous || name.contains(".write")}))
            .collect::<Vec<_>>()
    };
    world.register("permission", json!(list(false))).await.expect(204);
    let before = stamp().await;
    world.register("permission", json!(list(false))).await.expect(204);
    assert_eq!(stamp().await, before);
    world.register("permission", json!(list(true))).await.expect(204);
    assert_ne!(stamp().await, before);
    world.get("/v1/roles", &bob).await.problem(403, "permission_missing");
}

#[tokio::test]
async fn a_namespace_is_its_clients_own_and_its_list_is_sound() {
    let world = World::start().await;
    let list = json!({"namespace": "billing", "permissions": []});
    let token = world.platform.client_token("worker");
    world
        .server
        .put("/internal/manifests/billing", &list)
        .bearer(&token)
        .send()
        .await
        .problem(403, "foreign_namespace");
    world.server.put("/internal/manifests/worker", &list).bearer(&token).send().await.invalid(&["namespace"]);
    let wrong = json!([entry("billing.x"), {"name": "worker.x", "text": "x", "roles": ["boss"]}]);
    world.register("worker", wrong).await.invalid(&["permissions", "permissions[1].roles"]);
    world.register("worker", json!([{"name": "worker.x"}])).await.expect(422);
}

#[tokio::test]
async fn a_product_brings_its_permissions_and_no_version_takes_any_away() {
    let (world, ada) = World::with_owner().await;
    world.get("/v1/grants", &ada).await.expect(200);
    world.platform.publish(None, &published("1.1.0", &["addPost", "pinPost"])).await;
    let holds = async |name: &str| world.permissions(&ada).await.contains(&name.to_owned()).then_some(());
    eventually("the newer version's are there", async || holds("forum.pinPost").await).await;
    world.platform.publish(None, &published("1.0.0", &["addPost", "oldPost"])).await;
    eventually("the older version's are there too", async || holds("forum.oldPost").await).await;
    holds("forum.pinPost").await.unwrap();
    assert_eq!(
        world.count("SELECT count(*) FROM permissions WHERE name = 'forum.addPost' AND text = '1.1.0'").await,
        1
    );
    world.register("forum", json!([])).await.problem(409, "namespace_taken");
}

#[tokio::test]
async fn a_product_in_a_platform_services_namespace_is_refused_for_good() {
    let world = World::start().await;
    let mut message = published("1.0.0", &[]);
    message.manifest.service = "billing".into();
    world.platform.publish(None, &message).await;
    let [reason] = world.platform.dead_letters("permission", 1).await.try_into().unwrap();
    assert!(reason.contains("billing"), "{reason}");
    assert_eq!(world.count("SELECT count(*) FROM namespaces WHERE name = 'billing'").await, 0);
}
