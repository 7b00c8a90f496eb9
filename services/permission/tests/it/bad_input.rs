//! Tests of refusals: each names what it is about, and changes nothing.

use crate::support::{World, entry, principal, state};
use serde_json::{Value, json};
use test_support::TestAnswer;

const READ: &str = "permission.readGrants";

/// Asserts status and code, and that the answer names each of `named`.
#[track_caller]
fn refused(answer: TestAnswer, status: u16, code: &str, named: &[&str]) {
    let body = answer.problem(status, code);
    let text = format!("{} {}", body["detail"], body["errors"]);
    assert!(named.iter().all(|name| text.contains(name)), "{named:?} must be named: {text}");
}

#[tokio::test]
async fn each_refusal_names_the_thing_and_nothing_is_changed() {
    let (world, ada, bob) = World::with_stranger().await;
    world.register("billing", json!([entry("billing.readUsage"), entry("billing.readInvoices")])).await.expect(204);
    world.grant(&ada, &bob, "billing.readUsage").await;
    world.grant(&ada, &bob, "permission.writeGrants").await;
    let first = world.role(&ada, "r1", &[READ], &[]).await;
    for depth in 2..=5 {
        world.role(&ada, &format!("r{depth}"), &[], &[&format!("r{}", depth - 1)]).await;
    }
    let own = world.grants_of(&ada, &ada, "owner").await;
    let before = state(&world).await;

    let grant = |permission: &str| json!({"principal": principal(&bob), "permission": permission});
    let role =
        |permissions: Value, includes: Value| json!({"name": "r6", "permissions": permissions, "includes": includes});
    let many: Vec<_> = (0..201).map(|n| format!("billing.p{n}")).collect();
    for (path, body, named) in [
        ("/v1/grants", grant("billing.ghost"), ["billing.ghost", "permission"]),
        ("/v1/roles", role(json!(["ghost.*"]), json!([])), ["ghost.*", "permissions[0]"]),
        ("/v1/roles", role(json!([]), json!(["member", "ghost"])), ["ghost", "includes[1]"]),
        ("/v1/roles", role(json!([]), json!(["r5"])), ["includes", "r6 → r5 → r4 → r3 → r2 → r1"]),
        ("/v1/roles", role(json!(many), json!([])), ["permissions", "200"]),
    ] {
        refused(world.post(path, &ada, body).await, 422, "invalid", &named);
    }
    for (included, way) in [("r5", "r1 → r5 → r4 → r3 → r2 → r1"), ("r1", "r1 → r1")] {
        let edit = json!({"name": "r1", "includes": [included]});
        refused(world.edit_role(&ada, &first, "*", edit).await, 422, "invalid", &[way]);
    }
    let more = grant("billing.readInvoices");
    refused(world.post("/v1/grants", &bob, more).await, 403, "escalation", &["billing.readInvoices"]);
    refused(world.revoke(&ada, &own[0]).await, 409, "last_owner", &["owner"]);
    refused(world.deny(&ada, &principal(&ada), READ).await, 409, "last_owner", &["owner"]);
    let foreign = json!({"namespace": "billing", "permissions": []});
    let foreign =
        world.server.put("/internal/manifests/billing", &foreign).bearer(&world.platform.client_token("worker"));
    refused(foreign.send().await, 403, "foreign_namespace", &["billing", "worker"]);
    refused(
        world.register("billing", json!([entry("billing.readInvoices")])).await,
        409,
        "permission_granted",
        &["billing.readUsage"],
    );
    assert_eq!(state(&world).await, before);
}

/// chrono reads them, and PostgreSQL does not.
#[tokio::test]
async fn instants_that_rfc_3339_does_not_have_are_refused() {
    let (world, ada, bob) = World::with_stranger().await;
    let before = state(&world).await;
    for at in ["-5000-01-01T00:00:00Z", "+262142-12-31T23:59:59Z"] {
        for side in ["since", "until"] {
            let status = world.get(&format!("/v1/audit?{side}={}", at.replace('+', "%2B")), &ada).await.status;
            assert!((400..500).contains(&status), "{side} {at}: {status}");
        }
        let asked = json!({"principal": principal(&bob), "permission": READ, "at": at});
        refused(world.post("/v1/explain", &ada, asked).await, 422, "invalid", &["0000 to 9999"]);
        let lasting = json!({"principal": principal(&bob), "permission": READ, "expires_at": at});
        refused(world.post("/v1/grants", &ada, lasting).await, 422, "invalid", &["0000 to 9999"]);
    }
    assert_eq!(state(&world).await, before);
}
