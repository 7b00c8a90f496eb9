//! Tests of reading: who sees which invoices and cycles, in what pages.

use crate::world::World;
use serde_json::json;

#[tokio::test]
async fn another_tenants_invoice_is_not_there() {
    let world = World::start().await;
    world.publish_forum().await;
    let (ada, eve) = (world.customer_with_forum().await, world.customer().await);
    world.say(&world.posts(&ada, "posts:1", 1, 10)).await;
    world.metered(&ada, "1").await;
    let invoice = world.close(&ada, &ada.cycle).await;
    let path = format!("/v1/invoices/{}", invoice["id"].as_str().unwrap());
    let line = format!("{path}/lines/{}/explain", invoice["lines"][0]["id"].as_str().unwrap());
    let get = async |token: &str, path: &str| world.server.get(path).bearer(token).send().await;
    get(&ada.token, &line).await.expect(200);
    get(&eve.token, &path).await.problem(404, "invoice_not_found");
    get(&eve.token, &line).await.problem(404, "invoice_not_found");
    get(&ada.token, &format!("{path}/lines/{}/explain", world.platform.tenant())).await.problem(404, "line_not_found");
    get(&ada.token, "/v1/invoices/one").await.problem(404, "not_found");
    assert_eq!(world.get(&eve.token, "/v1/invoices").await, json!({"items": []}));
    assert_eq!(world.get(&eve.token, "/v1/usage").await, json!({"features": [], "meters": []}));
}

#[tokio::test]
async fn lists_come_in_pages_that_end() {
    let world = World::start().await;
    world.publish_forum().await;
    let ada = world.customer_with_forum().await;
    for number in 1..=3 {
        world.say(&world.posts(&ada, &format!("posts:{number}"), 1, number)).await;
    }
    world.metered(&ada, "3").await;
    let first = world.close(&ada, &ada.cycle).await;
    let second = world.close(&ada, &world.open_cycle(ada.tenant, &ada.token).await).await;

    let line = first["lines"][1]["id"].as_str().unwrap();
    let explain = format!("/v1/invoices/{}/lines/{line}/explain", first["id"].as_str().unwrap());
    for (path, items, size) in [("/v1/invoices", "items", 2), ("/v1/cycles", "items", 3), (&explain, "raw", 3)] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = world.get(&ada.token, &format!("{path}?limit=1{cursor}")).await;
            seen.extend(page[items].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            assert!(path != explain || page["equal"] == true, "a page of the rows proves the whole line");
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen.len(), size, "{path}");
    }
    let listed = world.get(&ada.token, "/v1/invoices").await;
    assert_eq!((&listed["items"][0]["id"], &listed["items"][1]["id"]), (&first["id"], &second["id"]));
    world.server.get("/v1/invoices?limit=0&cursor=x").bearer(&ada.token).send().await.invalid(&["limit", "cursor"]);
}

#[tokio::test]
async fn operators_find_the_cycles_of_a_tenant() {
    let world = World::start().await;
    let (ada, eve) = (world.customer().await, world.customer().await);
    let invoice = world.close(&ada, &ada.cycle).await;
    let cycles = world.get(&eve.token, &format!("/v1/cycles?tenant_id={}&state=closed", ada.tenant)).await;
    assert_eq!(cycles["items"].as_array().map(Vec::len), Some(1));
    let cycle = &cycles["items"][0];
    assert_eq!(
        (&cycle["id"], &cycle["tenant_name"], &cycle["invoice_id"]),
        (&json!(ada.cycle), &json!("Acme"), &invoice["id"])
    );
    assert_eq!(world.get(&eve.token, "/v1/cycles").await["items"].as_array().map(Vec::len), Some(3));
    let get = async |path: &str| world.server.get(path).bearer(&ada.token).send().await;
    get("/v1/cycles?state=half").await.invalid(&["state"]);
    get("/v1/cycles?tenant_id=acme").await.invalid(&["tenant_id"]);
    let unknown = format!("/v1/cycles/{}/close", world.platform.tenant());
    world.server.post(&unknown, &()).bearer(&ada.token).send().await.problem(404, "cycle_not_found");
}
