//! What may I do, what exists, and the fill of the cache.

use crate::support::{World, principal};
use serde_json::json;

#[tokio::test]
async fn everybody_may_ask_what_they_may_do() {
    let world = World::start().await;
    let ada = world.owner().await;
    let bob = world.stranger(ada.tenant).await;
    let all = ["permission.readGrants", "permission.readRoles", "permission.writeGrants", "permission.writeRoles"];
    assert_eq!(world.permissions(&ada).await, all);
    assert_eq!(world.permissions(&bob).await, [""; 0]);
    let check = async |user, permission: &str| world.post("/v1/check", user, json!({"permission": permission})).await;
    assert_eq!(check(&ada, all[0]).await.expect(200), json!({"allowed": true}));
    assert_eq!(check(&bob, all[0]).await.expect(200), json!({"allowed": false}));
    check(&bob, "permission.ghost").await.invalid(&["permission"]);
}

#[tokio::test]
async fn the_catalog_is_listed_in_pages() {
    let world = World::start().await;
    let ada = world.owner().await;
    let (mut names, mut address) = (Vec::new(), "/v1/permissions?limit=3".to_owned());
    loop {
        let page = world.get(&address, &ada).await.expect(200);
        names.extend(page["items"].as_array().unwrap().iter().map(|entry| (entry["name"].as_str().unwrap().to_owned(), entry["dangerous"] == true)));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        address = format!("/v1/permissions?limit=3&cursor={cursor}");
    }
    names.sort();
    let expected = [("readGrants", false), ("readRoles", false), ("writeGrants", true), ("writeRoles", true)];
    assert_eq!(names, expected.map(|(name, dangerous)| (format!("permission.{name}"), dangerous)));
}

#[tokio::test]
async fn platform_services_fill_records() {
    let world = World::start().await;
    let ada = world.owner().await;
    let body = json!({"tenant_id": ada.tenant, "principal": principal(&ada)});
    let answer = world.server.post("/internal/records", &body).bearer(&world.platform.client_token("auth")).send().await.expect(200);
    assert_eq!(answer["permissions"].as_array().unwrap().len(), 4);
    let nobody = json!({"tenant_id": world.platform.tenant(), "principal": principal(&ada)});
    let answer = world.server.post("/internal/records", &nobody).bearer(&world.platform.client_token("forum")).send().await.expect(200);
    assert_eq!(answer, json!({"permissions": []}));
}
