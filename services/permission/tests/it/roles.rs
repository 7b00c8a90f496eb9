//! Tests of a tenant's own roles.

use crate::support::{World, principal, shown, texts};
use serde_json::json;

#[tokio::test]
async fn a_tenant_makes_lists_and_deletes_its_own_roles() {
    let world = World::start().await;
    let (ada, eve) = (world.owner().await, world.owner().await);
    let body = json!({"name": "auditor", "permissions": ["permission.*", "permission.writeRoles"]});
    let role = shown(world.post("/v1/roles", &ada, body.clone()).await.expect(201));
    world.post("/v1/roles", &ada, body.clone()).await.problem(409, "role_exists");
    let listed = world.list(&ada, "/v1/roles", 2).await;
    assert_eq!(
        (texts(&listed[..2], "name"), &listed[2..]),
        (vec!["owner".to_owned(), "member".to_owned()], &[role.clone()][..])
    );
    assert_eq!(texts(&world.list(&eve, "/v1/roles", 200).await, "name"), ["owner", "member"]);
    let address = format!("/v1/roles/{}", role["id"].as_str().unwrap());
    world.delete(&address, &eve).await.problem(404, "role_not_found");
    world.post("/v1/roles", &eve, body.clone()).await.expect(201);
    world.delete(&address, &ada).await.expect(204);
    world.delete(&address, &ada).await.problem(404, "role_not_found");
    world.post("/v1/roles", &ada, body).await.expect(201);
}

/// What the list shows can be read, and what every tenant has nobody edits.
#[tokio::test]
async fn every_listed_role_is_readable_by_its_id() {
    let world = World::start().await;
    let (olga, ada) = (world.operator().await, world.owner().await);
    world.role(&ada, "auditor", &["permission.readRoles"], &[]).await;
    let listed = world.get("/v1/roles", &olga).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
    let operator = listed["items"].as_array().unwrap().iter().find(|role| role["name"] == "operator").unwrap();
    for (user, listed) in [(&olga, &listed), (&ada, &world.get("/v1/roles", &ada).await.expect(200))] {
        for role in listed["items"].as_array().unwrap() {
            let path = format!("/v1/roles/{}", role["id"].as_str().unwrap());
            assert_eq!(world.get(&path, user).await.expect(200), *role);
            if role["built_in"] == true {
                let edit = json!({"name": "mine", "permissions": ["permission.*"]});
                world.edit_role(user, role["id"].as_str().unwrap(), "*", edit).await.problem(409, "role_built_in");
                world.delete(&path, user).await.problem(409, "role_built_in");
            }
        }
    }
    world.get(&format!("/v1/roles/{}", operator["id"].as_str().unwrap()), &ada).await.problem(404, "role_not_found");
}

#[tokio::test]
async fn a_role_that_somebody_has_stays() {
    let (world, ada, bob) = World::with_stranger().await;
    let address = format!("/v1/roles/{}", world.role(&ada, "auditor", &["permission.readRoles"], &[]).await);
    let grant = world.give(&ada, &principal(&bob), json!({"role": "auditor"})).await;
    world.delete(&address, &ada).await.problem(409, "role_granted");
    world.get("/v1/roles", &bob).await.expect(200);
    world.revoke(&ada, grant["id"].as_str().unwrap()).await.expect(204);
    world.delete(&address, &ada).await.expect(204);
}

#[tokio::test]
async fn a_role_gives_what_it_includes_and_an_edit_reaches_everybody_at_once() {
    let (world, ada, bob) = World::with_stranger().await;
    let helper = world.role(&ada, "helper", &["permission.readRoles"], &[]).await;
    world.role(&ada, "moderator", &[], &["helper", "member"]).await;
    world.give(&ada, &principal(&bob), json!({"role": "moderator"})).await;
    world.get("/v1/roles", &bob).await.expect(200);
    let read = world.get(&format!("/v1/roles/{helper}"), &ada).await;
    let etag = read.header("etag").unwrap().to_owned();
    let edited =
        world.edit_role(&ada, &helper, &etag, json!({"name": "aide", "permissions": ["permission.readGrants"]})).await;
    assert_ne!(edited.header("etag"), Some(etag.as_str()));
    assert_eq!(edited.expect(200)["revision"], 2);
    world.get("/v1/roles", &bob).await.problem(403, "permission_missing");
    world.get("/v1/grants", &bob).await.expect(200);
    assert_eq!(world.count("SELECT count(*) FROM role_versions WHERE name IN ('helper', 'aide')").await, 2);
    world.delete(&format!("/v1/roles/{helper}"), &ada).await.problem(409, "role_included");
}

#[tokio::test]
async fn an_edit_of_what_somebody_else_has_edited_is_refused() {
    let (world, ada) = World::with_owner().await;
    let id = world.role(&ada, "auditor", &["permission.readRoles"], &[]).await;
    let body = json!({"name": "auditor", "permissions": ["permission.readGrants"]});
    world.edit_role(&ada, &id, "\"1\"", body.clone()).await.expect(200);
    for stale in ["\"1\"", "\"x\"", "W/\"1\""] {
        world
            .edit_role(&ada, &id, stale, json!({"name": "auditor", "permissions": ["permission.*"]}))
            .await
            .problem(412, "role_edited");
    }
    let address = format!("/v1/roles/{id}");
    world.server.put(&address, &body).bearer(&ada.token).send().await.problem(428, "if_match_missing");
    assert_eq!(world.get(&address, &ada).await.expect(200)["permissions"], json!(["permission.readGrants"]));
    let eve = world.owner().await;
    world.edit_role(&eve, &id, "*", body).await.problem(404, "role_not_found");
    world.get(&address, &eve).await.problem(404, "role_not_found");
}

#[tokio::test]
async fn nobody_edits_a_role_beyond_what_they_have() {
    let (world, ada, bob) = World::with_stranger().await;
    let own = world.role(&ada, "role-writer", &["permission.writeRoles", "permission.readRoles"], &[]).await;
    world.role(&ada, "granter", &["permission.writeGrants"], &[]).await;
    world.give(&ada, &principal(&bob), json!({"role": "role-writer"})).await;
    for more in [
        json!({"name": "role-writer", "permissions": ["permission.writeGrants"]}),
        json!({"name": "role-writer", "includes": ["granter"]}),
    ] {
        let refusal = world.edit_role(&bob, &own, "*", more).await.problem(403, "escalation");
        assert!(refusal["detail"].as_str().unwrap().contains("permission.writeGrants"), "{refusal}");
    }
    assert_eq!(world.permissions(&bob).await, ["permission.readRoles", "permission.writeRoles"]);
    world
        .edit_role(&bob, &own, "*", json!({"name": "role-writer", "permissions": ["permission.writeRoles"]}))
        .await
        .expect(200);
}
