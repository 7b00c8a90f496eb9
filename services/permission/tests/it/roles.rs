//! A tenant's own roles.

use crate::support::{World, principal, shown};
use serde_json::json;

#[tokio::test]
async fn a_tenant_makes_lists_and_deletes_its_own_roles() {
    let world = World::start().await;
    let (ada, eve) = (world.owner().await, world.owner().await);
    let body = json!({"name": "auditor", "permissions": ["permission.*", "permission.writeRoles"]});
    let role = shown(world.post("/v1/roles", &ada, body.clone()).await.expect(201));
    world.post("/v1/roles", &ada, body.clone()).await.problem(409, "role_exists");
    let names = |page: &serde_json::Value| {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|role| role["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let first = world.get("/v1/roles?limit=2", &ada).await.expect(200);
    assert_eq!(names(&first), ["owner", "member"]);
    let second = world
        .get(&format!("/v1/roles?limit=2&cursor={}", first["next_cursor"].as_str().unwrap()), &ada)
        .await
        .expect(200);
    assert_eq!((second["items"].clone(), second.get("next_cursor")), (json!([role]), None));
    assert_eq!(names(&world.get("/v1/roles", &eve).await.expect(200)), ["owner", "member"]);
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
    let role = world
        .post("/v1/roles", &ada, json!({"name": "auditor", "permissions": ["permission.readRoles"]}))
        .await
        .expect(201);
    let grant = world.give(&ada, &principal(&bob), json!({"role": "auditor"})).await;
    let address = format!("/v1/roles/{}", role["id"].as_str().unwrap());
    world.delete(&address, &ada).await.problem(409, "role_granted");
    world.get("/v1/roles", &bob).await.expect(200);
    world.revoke(&ada, grant["id"].as_str().unwrap()).await.expect(204);
    world.delete(&address, &ada).await.expect(204);
}

#[tokio::test]
async fn wrong_values_are_named() {
    let (world, ada) = World::with_owner().await;
    let make = async |name: &str, permissions: &[&str]| {
        world.post("/v1/roles", &ada, json!({"name": name, "permissions": permissions})).await
    };
    make("owner", &["permission.*"]).await.invalid(&["name"]);
    make("The Boss", &[]).await.invalid(&["name", "permissions"]);
    make("boss", &["*", "permission.readRoles", "x"]).await.invalid(&["permissions[0]", "permissions[2]"]);
    make("boss", &["permission.readRoles", "permission.ghost", "ghost.*"])
        .await
        .invalid(&["permissions[1]", "permissions[2]"]);
    let built_in =
        world.get("/v1/roles?limit=1", &ada).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    world.delete(&format!("/v1/roles/{built_in}"), &ada).await.problem(409, "role_built_in");
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
    for stale in ["\"1\"", "\"x\"", "W/\"2\""] {
        world
            .edit_role(&ada, &id, stale, json!({"name": "auditor", "permissions": ["permission.*"]}))
            .await
            .problem(412, "role_edited");
    }
    world
        .server
        .put(&format!("/v1/roles/{id}"), &body)
        .bearer(&ada.token)
        .send()
        .await
        .problem(428, "if_match_missing");
    assert_eq!(
        world.get(&format!("/v1/roles/{id}"), &ada).await.expect(200)["permissions"],
        json!(["permission.readGrants"])
    );
    let eve = world.owner().await;
    world.edit_role(&eve, &id, "*", body).await.problem(404, "role_not_found");
    world.get(&format!("/v1/roles/{id}"), &eve).await.problem(404, "role_not_found");
}

#[tokio::test]
async fn cycles_and_too_deep_roles_are_named_and_nothing_is_changed() {
    let (world, ada) = World::with_owner().await;
    let mut ids = vec![world.role(&ada, "r1", &["permission.readRoles"], &[]).await];
    for depth in 2..=5 {
        ids.push(world.role(&ada, &format!("r{depth}"), &[], &[&format!("r{}", depth - 1)]).await);
    }
    let versions = world.count("SELECT version FROM tenants").await;
    let message = |refusal: serde_json::Value| refusal["errors"][0]["message"].as_str().unwrap().to_owned();
    let too_deep =
        world.post("/v1/roles", &ada, json!({"name": "r6", "includes": ["r5"]})).await.problem(422, "invalid");
    assert!(message(too_deep).contains("r6 → r5 → r4 → r3 → r2 → r1"));
    let cycle =
        world.edit_role(&ada, &ids[0], "*", json!({"name": "r1", "includes": ["r3"]})).await.problem(422, "invalid");
    assert!(message(cycle).contains("r1 → r3 → r2 → r1"));
    world.edit_role(&ada, &ids[0], "*", json!({"name": "r1", "includes": ["r1"]})).await.invalid(&["includes"]);
    world.post("/v1/roles", &ada, json!({"name": "x", "includes": ["owner", "ghost"]})).await.invalid(&["includes[0]"]);
    world
        .post("/v1/roles", &ada, json!({"name": "x", "includes": ["member", "ghost"]}))
        .await
        .invalid(&["includes[1]"]);
    assert_eq!(world.count("SELECT version FROM tenants").await, versions);
    assert_eq!(world.count("SELECT count(*) FROM role_includes").await, 4);
    assert_eq!(world.count("SELECT count(*) FROM roles WHERE tenant_id IS NOT NULL").await, 5);
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
