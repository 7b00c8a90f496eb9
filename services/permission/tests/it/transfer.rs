//! Tests of handing a tenant over.

use crate::support::{World, principal};
use serde_json::json;

const TRANSFER: &str = "/v1/ownership-transfers";

#[tokio::test]
async fn the_tenant_has_another_owner_at_once_and_the_first_one_is_none() {
    let (world, ada, bob) = World::with_stranger().await;
    world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
    let done = world.post(TRANSFER, &ada, json!({"principal": principal(&bob)})).await.expect(200);
    assert_eq!(done["owner"], json!(principal(&bob)));
    world.get("/v1/grants", &ada).await.problem(403, "permission_missing");
    assert_eq!(world.grants_of(&bob, &bob, "owner").await.len(), 1);
    assert!(world.grants_of(&bob, &ada, "owner").await.is_empty());
    let audit = world.get("/v1/audit", &bob).await.expect(200);
    let last: Vec<_> = audit["items"].as_array().unwrap().iter().rev().take(2).map(|entry| &entry["action"]).collect();
    assert_eq!(last, ["grant.created", "grant.revoked"]);
    // And back.
    world.post(TRANSFER, &bob, json!({"principal": principal(&ada)})).await.expect(200);
    world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
    world.get("/v1/grants", &ada).await.expect(200);
}

#[tokio::test]
async fn a_repetition_of_who_owns_nothing_any_more_changes_nothing() {
    let (world, ada, bob) = World::with_stranger().await;
    let body = json!({"principal": principal(&bob)});
    let ask = || world.server.post(TRANSFER, &body).bearer(&ada.token).header("idempotency-key", "a1b2c3d4e5f6a7b8");
    let first = ask().await.expect(200);
    // The caller owns nothing any more, and may not even ask: a repetition gives nothing away.
    ask().await.problem(403, "permission_missing");
    assert_eq!(first["owner"], json!(principal(&bob)));
    assert_eq!(world.grants_of(&bob, &bob, "owner").await.len(), 1);
}

#[tokio::test]
async fn only_who_owns_it_hands_it_over_and_only_to_another_person_of_the_tenant() {
    let (world, ada, bob) = World::with_stranger().await;
    let machine = world.machine(ada.tenant);
    for unsound in [principal(&ada), machine, "client:unknown".into()] {
        let refusal = world.post(TRANSFER, &ada, json!({"principal": unsound})).await.problem(422, "invalid");
        assert_eq!(refusal["errors"][0]["code"], "not_another_person", "{refusal}");
    }
    let stranger = json!({"principal": "user:01890a5d-ac96-774b-bcce-b302099a8057"});
    let refusal = world.post(TRANSFER, &ada, stranger).await.problem(422, "invalid");
    assert_eq!(refusal["errors"][0]["code"], "unknown_principal", "{refusal}");
    // May change grants, and owns nothing.
    world.grant(&ada, &bob, "permission.writeGrants").await;
    let carol = world.stranger(ada.tenant).await;
    world.post(TRANSFER, &bob, json!({"principal": principal(&carol)})).await.problem(403, "escalation");
    // Owns it by a group, so there is nothing of their own to hand over.
    let group = world.group(&ada, "owners", &[&bob]).await;
    world.give(&ada, &format!("group:{group}"), json!({"role": "owner"})).await;
    world.post(TRANSFER, &bob, json!({"principal": principal(&carol)})).await.problem(403, "not_an_owner");
    assert_eq!(world.grants_of(&ada, &ada, "owner").await.len(), 1);
    assert!(world.grants_of(&ada, &carol, "owner").await.is_empty());
}

#[tokio::test]
async fn nobody_hands_it_to_somebody_who_could_not_do_everything() {
    let (world, ada, bob) = World::with_stranger().await;
    world.deny(&ada, &principal(&bob), "permission.readGrants").await.expect(201);
    world.post(TRANSFER, &ada, json!({"principal": principal(&bob)})).await.problem(409, "last_owner");
    world.get("/v1/grants", &ada).await.expect(200);
    assert!(world.grants_of(&ada, &bob, "owner").await.is_empty());
}

#[tokio::test]
async fn who_owned_it_for_a_time_owns_it_for_good() {
    let (world, ada, bob) = World::with_stranger().await;
    let end = world.platform.ambient.now() + chrono::TimeDelta::hours(1);
    world.give(&ada, &principal(&bob), json!({"role": "owner", "expires_at": end})).await;
    world.post(TRANSFER, &bob, json!({"principal": principal(&ada)})).await.problem(403, "escalation");
    world.post(TRANSFER, &ada, json!({"principal": principal(&bob)})).await.expect(200);
    let grants = world.get(&format!("/v1/grants?principal={}", principal(&bob)), &bob).await.expect(200);
    assert!(grants["items"][0].get("expires_at").is_none(), "{grants}");
}
