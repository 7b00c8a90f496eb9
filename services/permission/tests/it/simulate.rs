//! Tests of simulations: who would gain and lose, without anything happening.

use crate::support::{World, principal, state};
use serde_json::{Value, json};

const READ: &str = "permission.readGrants";

#[tokio::test]
async fn gains_and_losses_are_told_and_nothing_happens() {
    let (world, ada) = World::with_owner().await;
    let (bob, carol, dan) =
        (world.stranger(ada.tenant).await, world.stranger(ada.tenant).await, world.stranger(ada.tenant).await);
    let grant = world.grant(&ada, &bob, READ).await;
    let role = world.role(&ada, "auditor", &["permission.readRoles"], &[]).await;
    world.give(&ada, &principal(&carol), json!({"role": "auditor"})).await;
    let group = world.group(&ada, "staff", &[]).await;
    world.give(&ada, &format!("group:{group}"), json!({"role": "auditor"})).await;
    let before = state(&world).await;
    let changes = json!({"changes": [
        {"op": "revoke", "grant": grant},
        {"op": "edit_role", "role": role, "name": "auditor", "permissions": ["permission.readAudit"]},
        {"op": "create_role", "name": "next", "includes": ["auditor"]},
        {"op": "grant", "principal": principal(&bob), "role": "next"},
        {"op": "add_member", "group": group, "principal": principal(&dan)},
        {"op": "grant", "principal": principal(&carol), "permission": READ},
        {"op": "grant", "principal": principal(&carol), "permission": READ, "effect": "deny"},
    ]});
    let found = world.post("/v1/simulate", &ada, changes).await.expect(200);
    let difference = |user, permission: &str| json!({"principal": principal(user), "permissions": [permission]});
    let sorted = |mut all: Vec<Value>| {
        all.sort_by_key(|one| one["principal"].to_string());
        Value::from(all)
    };
    assert_eq!(
        found["gains"],
        sorted([&bob, &carol, &dan].map(|user| difference(user, "permission.readAudit")).into())
    );
    assert_eq!(found["loses"], sorted(vec![difference(&bob, READ), difference(&carol, "permission.readRoles")]));
    assert_eq!(state(&world).await, before);
    assert_eq!(world.permissions(&bob).await, [READ]);
    world.grant(&ada, &dan, READ).await;
}

#[tokio::test]
async fn what_would_be_refused_is_refused_and_the_change_is_named() {
    let (world, ada, bob) = World::with_stranger().await;
    let own = world.grants_of(&ada, &ada, "owner").await;
    let grant = |permission: &str| json!({"op": "grant", "principal": principal(&bob), "permission": permission});
    let simulate = async |by, changes: Value| world.post("/v1/simulate", by, json!({"changes": changes})).await;
    simulate(&ada, json!([grant(READ), grant("permission.ghost")])).await.invalid(&["changes[1].permission"]);
    let refusal =
        simulate(&ada, json!([grant(READ), {"op": "revoke", "grant": own[0]}])).await.problem(409, "last_owner");
    assert!(refusal["detail"].as_str().unwrap().starts_with("changes[1]: "), "{refusal}");
    simulate(&ada, json!([])).await.invalid(&["changes"]);
    simulate(&ada, json!([{"op": "explode"}])).await.expect(422);
    simulate(&bob, json!([grant(READ)])).await.problem(403, "permission_missing");
    world.grant(&ada, &bob, "permission.writeGrants").await;
    simulate(&bob, json!([grant(READ)])).await.problem(403, "escalation");
    simulate(&bob, json!([{"op": "create_role", "name": "x", "permissions": [READ]}]))
        .await
        .problem(403, "permission_missing");
    assert_eq!(world.permissions(&bob).await, ["permission.writeGrants"]);
}
