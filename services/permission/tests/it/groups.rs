//! Tests of groups: granted together, revoked together.

use crate::support::{World, principal, texts};
use serde_json::json;

const READ: &str = "permission.readGrants";

#[tokio::test]
async fn members_have_what_is_granted_to_their_group_until_either_ends() {
    let (world, ada) = World::with_owner().await;
    let (bob, carol) = (world.stranger(ada.tenant).await, world.stranger(ada.tenant).await);
    let group = world.group(&ada, "auditors", &[&bob]).await;
    world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
    let grant = json!({"principal": format!("group:{group}"), "permission": READ});
    let grant = world.post("/v1/grants", &ada, grant).await.expect(201);
    world.get("/v1/grants", &bob).await.expect(200);
    world.get("/v1/grants", &carol).await.problem(403, "permission_missing");
    world.join(&ada, &group, &carol).await.expect(204);
    world.join(&ada, &group, &carol).await.expect(204);
    world.get("/v1/grants", &carol).await.expect(200);
    world.leave(&ada, &group, &bob).await.expect(204);
    world.leave(&ada, &group, &bob).await.expect(204);
    world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
    world.revoke(&ada, grant["id"].as_str().unwrap()).await.expect(204);
    world.get("/v1/grants", &carol).await.problem(403, "permission_missing");
    assert_eq!(world.count("SELECT count(*) FROM pending_stamps").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM group_members").await, 2, "former memberships stay");
}

#[tokio::test]
async fn a_deleted_group_gives_nothing_and_denies_nothing() {
    let (world, ada, bob) = World::with_stranger().await;
    let group = world.group(&ada, "auditors", &[&bob]).await;
    world.give(&ada, &format!("group:{group}"), json!({"permission": READ})).await;
    world.deny(&ada, &format!("group:{group}"), "permission.readRoles").await.expect(201);
    world.grant(&ada, &bob, "permission.readRoles").await;
    world.get("/v1/grants", &bob).await.expect(200);
    world.get("/v1/roles", &bob).await.problem(403, "permission_missing");
    world.delete(&format!("/v1/groups/{group}"), &ada).await.expect(204);
    world.delete(&format!("/v1/groups/{group}"), &ada).await.expect(204);
    world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
    world.get("/v1/roles", &bob).await.expect(200);
    world.join(&ada, &group, &bob).await.problem(404, "group_not_found");
    world
        .post("/v1/grants", &ada, json!({"principal": format!("group:{group}"), "permission": READ}))
        .await
        .invalid(&["principal"]);
    world.group(&ada, "auditors", &[]).await;
}

#[tokio::test]
async fn nobody_lets_others_or_themselves_into_a_group_that_has_more() {
    let (world, ada, bob) = World::with_stranger().await;
    world.grant(&ada, &bob, "permission.writeGrants").await;
    let group = world.group(&ada, "auditors", &[]).await;
    world.give(&ada, &format!("group:{group}"), json!({"permission": READ})).await;
    let refusal = world.join(&bob, &group, &bob).await.problem(403, "escalation");
    assert!(refusal["detail"].as_str().unwrap().contains(READ), "{refusal}");
    assert_eq!(world.permissions(&bob).await, ["permission.writeGrants"]);
    world.grant(&ada, &bob, READ).await;
    world.join(&bob, &group, &world.stranger(ada.tenant).await).await.expect(204);
}

#[tokio::test]
async fn nobody_leaves_a_group_that_denies_them_something_by_themselves() {
    let (world, ada, bob) = World::with_stranger().await;
    let group = world.group(&ada, "probation", &[&bob]).await;
    world.give(&ada, &principal(&bob), json!({"role": "owner"})).await;
    world.deny(&ada, &format!("group:{group}"), READ).await.expect(201);
    world.leave(&bob, &group, &bob).await.problem(403, "escalation");
    world.delete(&format!("/v1/groups/{group}"), &bob).await.problem(403, "escalation");
    world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
    world.leave(&ada, &group, &bob).await.expect(204);
    world.get("/v1/grants", &bob).await.expect(200);
}

#[tokio::test]
async fn groups_and_members_are_listed_in_pages_and_only_in_their_tenant() {
    let world = World::start().await;
    let (ada, eve) = (world.owner().await, world.owner().await);
    let people = [world.stranger(ada.tenant).await, world.stranger(ada.tenant).await, world.stranger(ada.tenant).await];
    let group = world.group(&ada, "auditors", &people.each_ref()).await;
    world.post("/v1/groups", &ada, json!({"name": "auditors"})).await.problem(409, "group_exists");
    world.post("/v1/groups", &ada, json!({"name": "The Group"})).await.invalid(&["name"]);
    let listed = world.get("/v1/groups", &ada).await.expect(200);
    assert_eq!((listed["items"][0]["id"].as_str(), &listed["items"][0]["members"]), (Some(group.as_str()), &json!(3)));
    let members = world.list(&ada, &format!("/v1/groups/{group}/members"), 2).await;
    assert_eq!(texts(&members, "principal"), people.each_ref().map(principal));
    assert_eq!(world.get("/v1/groups", &eve).await.expect(200)["items"], json!([]));
    world.get(&format!("/v1/groups/{group}/members"), &eve).await.problem(404, "group_not_found");
    world.join(&eve, &group, &people[0]).await.problem(404, "group_not_found");
    world.leave(&eve, &group, &people[0]).await.problem(404, "group_not_found");
    world.delete(&format!("/v1/groups/{group}"), &eve).await.problem(404, "group_not_found");
    let long = format!("/v1/groups/{group}/members/client:{}", "x".repeat(300));
    world.put(&long, &ada).await.invalid(&["principal"]);
}
