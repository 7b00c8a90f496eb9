//! A tenant's own roles.

use crate::support::{World, principal};
use serde_json::json;

#[tokio::test]
async fn a_tenant_makes_lists_and_deletes_its_own_roles() {
    let world = World::start().await;
    let (ada, eve) = (world.owner().await, world.owner().await);
    let body = json!({"name": "auditor", "permissions": ["permission.*", "permission.writeRoles"]});
    let role = world.post("/v1/roles", &ada, body.clone()).await.expect(201);
    world.post("/v1/roles", &ada, body.clone()).await.problem(409, "role_exists");
    let names = |page: &serde_json::Value| page["items"].as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let first = world.get("/v1/roles?limit=2", &ada).await.expect(200);
    assert_eq!(names(&first), ["owner", "member"]);
    let second = world.get(&format!("/v1/roles?limit=2&cursor={}", first["next_cursor"].as_str().unwrap()), &ada).await.expect(200);
    assert_eq!((second["items"].clone(), second.get("next_cursor")), (json!([role]), None));
    assert_eq!(names(&world.get("/v1/roles", &eve).await.expect(200)), ["owner", "member"]);
    let address = format!("/v1/roles/{}", role["id"].as_str().unwrap());
    world.delete(&address, &eve).await.problem(404, "role_not_found");
    world.post("/v1/roles", &eve, body.clone()).await.expect(201);
    world.delete(&address, &ada).await.expect(204);
    world.delete(&address, &ada).await.problem(404, "role_not_found");
    world.post("/v1/roles", &ada, body).await.expect(201);
}

#[tokio::test]
async fn a_role_that_somebody_has_stays() {
    let world = World::start().await;
    let ada = world.owner().await;
    let bob = world.stranger(ada.tenant).await;
    let role = world.post("/v1/roles", &ada, json!({"name": "auditor", "permissions": ["permission.readRoles"]})).await.expect(201);
    let grant = world.post("/v1/grants", &ada, json!({"principal": principal(&bob), "role": "auditor"})).await.expect(201);
    let address = format!("/v1/roles/{}", role["id"].as_str().unwrap());
    world.delete(&address, &ada).await.problem(409, "role_granted");
    world.get("/v1/roles", &bob).await.expect(200);
    world.revoke(&ada, grant["id"].as_str().unwrap()).await.expect(204);
    world.delete(&address, &ada).await.expect(204);
}

#[tokio::test]
async fn wrong_values_are_named() {
    let world = World::start().await;
    let ada = world.owner().await;
    let make = async |name: &str, permissions: &[&str]| world.post("/v1/roles", &ada, json!({"name": name, "permissions": permissions})).await;
    make("owner", &["permission.*"]).await.invalid(&["name"]);
    make("The Boss", &[]).await.invalid(&["name", "permissions"]);
    make("boss", &["*", "permission.readRoles", "x"]).await.invalid(&["permissions[0]", "permissions[2]"]);
    make("boss", &["permission.readRoles", "permission.ghost", "ghost.*"]).await.invalid(&["permissions[1]", "permissions[2]"]);
    let built_in = world.get("/v1/roles?limit=1", &ada).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    world.delete(&format!("/v1/roles/{built_in}"), &ada).await.problem(404, "role_not_found");
}
