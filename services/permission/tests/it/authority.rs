//! Tests of the rule that nobody gets more than they have by speaking for somebody else.

use crate::support::{World, entry, principal};
use chrono::TimeDelta;
use contracts::{http::authority::AuthorityAnswer, id::TenantId};
use serde_json::{Value, json};
use test_support::{TestAnswer, TestUser};

const READ: &str = "permission.readGrants";

async fn ask(world: &World, tenant: TenantId, actor: &str, over: Value) -> TestAnswer {
    ask_within(world, tenant, actor, None, over).await
}

async fn ask_within(world: &World, tenant: TenantId, actor: &str, scope: Option<&[&str]>, over: Value) -> TestAnswer {
    let mut body = json!({"tenant_id": tenant, "actor": actor, "over": over});
    if let Some(scope) = scope {
        body["scope"] = json!(scope);
    }
    world.server.post("/internal/authority", &body).bearer(&world.platform.client_token("auth")).send().await
}

async fn over(world: &World, actor: &TestUser, subject: &str) -> (bool, Vec<String>) {
    let subject = json!({"kind": "principal", "principal": subject});
    let answer = ask(world, actor.tenant, &principal(actor), subject).await.expect(200);
    let AuthorityAnswer { holds, lacking } = serde_json::from_value(answer).unwrap();
    (holds, lacking)
}

fn things(roles: &[&str], groups: &[&str], permissions: &[&str]) -> Value {
    json!({"kind": "things", "roles": roles, "groups": groups, "permissions": permissions})
}

/// By name, by role, by a role in a role, by a group, by a wildcard, as an owner: it is the same to hold it.
#[tokio::test]
async fn in_whichever_way_somebody_holds_more_it_is_found() {
    let (world, ada, bob) = World::with_stranger().await;
    world.grant(&ada, &bob, "permission.readRoles").await;
    world.role(&ada, "reader", &[READ], &[]).await;
    world.role(&ada, "outer", &[], &["reader"]).await;
    world.role(&ada, "wild", &["permission.*"], &[]).await;
    let group = world.group(&ada, "readers", &[]).await;
    world.give(&ada, &format!("group:{group}"), json!({"role": "outer"})).await;
    for what in [
        json!({"permission": READ}),
        json!({"role": "reader"}),
        json!({"role": "outer"}),
        json!({"role": "wild"}),
        json!({"role": "owner"}),
    ] {
        let machine = world.machine(ada.tenant);
        assert_eq!(over(&world, &bob, &machine).await, (true, vec![]), "who holds nothing is spoken for by anybody");
        world.give(&ada, &machine, what.clone()).await;
        let (holds, lacking) = over(&world, &bob, &machine).await;
        assert!(
            !holds && lacking.contains(&READ.to_owned()) && !lacking.contains(&"permission.readRoles".to_owned()),
            "{what}: {lacking:?}"
        );
        assert_eq!(over(&world, &ada, &machine).await, (true, vec![]), "{what}");
    }
    let member = world.machine(ada.tenant);
    world.put(&format!("/v1/groups/{group}/members/{member}"), &ada).await.expect(204);
    assert_eq!(over(&world, &bob, &member).await, (false, vec![READ.to_owned()]));
    world.grant(&ada, &bob, READ).await;
    assert_eq!(over(&world, &bob, &member).await, (true, vec![]));
    // All that there is by name is not yet what a wildcard will cover.
    world.grant(&ada, &bob, "permission.readAudit").await;
    let wild = world.machine(ada.tenant);
    world.give(&ada, &wild, json!({"role": "wild"})).await;
    assert_eq!(over(&world, &bob, &wild).await, (false, vec![]));
}

#[tokio::test]
async fn denials_and_ends_count_on_both_sides() {
    let (world, ada) = World::with_owner().await;
    let (bob, machine) = (world.stranger(ada.tenant).await, world.machine(ada.tenant));
    let soon = world.platform.ambient.now() + TimeDelta::hours(1);
    world.give(&ada, &machine, json!({"permission": READ})).await;
    world.give(&ada, &principal(&bob), json!({"permission": READ, "expires_at": soon})).await;
    assert_eq!(over(&world, &bob, &machine).await, (false, vec![READ.to_owned()]), "he holds it for an hour");
    world.grant(&ada, &bob, "permission.readRoles").await;
    world.give(&ada, &machine, json!({"permission": READ, "effect": "deny", "expires_at": soon})).await;
    assert!(!over(&world, &bob, &machine).await.0, "the denial ends and the secret stays");

    let denied = world.machine(ada.tenant);
    world.give(&ada, &denied, json!({"role": "owner"})).await;
    for name in ["permission.readAudit", READ, "permission.writeGrants", "permission.writeRoles"] {
        world.give(&ada, &denied, json!({"permission": name, "effect": "deny"})).await;
    }
    assert_eq!(over(&world, &bob, &denied).await, (false, vec![]), "an owner holds what comes later, too");
    world.role(&ada, "both", &["permission.readRoles", READ], &[]).await;
    let limited = world.machine(ada.tenant);
    world.give(&ada, &limited, json!({"role": "both"})).await;
    world.give(&ada, &limited, json!({"permission": READ, "effect": "deny"})).await;
    assert_eq!(over(&world, &bob, &limited).await, (true, vec![]));
    world.deny(&ada, &principal(&bob), "permission.readRoles").await.expect(201);
    assert_eq!(over(&world, &bob, &limited).await, (false, vec!["permission.readRoles".to_owned()]));
}

#[tokio::test]
async fn a_key_and_a_machine_are_limited_to_what_they_hold() {
    let (world, ada) = World::with_owner().await;
    let (subject, actor) = (world.machine(ada.tenant), world.machine(ada.tenant));
    world.give(&ada, &subject, json!({"permission": READ})).await;
    let about = json!({"kind": "principal", "principal": subject});
    let within = async |scope: Option<&[&str]>| {
        ask_within(&world, ada.tenant, &principal(&ada), scope, about.clone()).await.expect(200)["holds"].clone()
    };
    assert_eq!((within(None).await, within(Some(&[])).await), (json!(true), json!(false)));
    assert_eq!(
        (within(Some(&["permission.readRoles"])).await, within(Some(&[READ])).await),
        (json!(false), json!(true))
    );
    assert_eq!(ask(&world, ada.tenant, &actor, about.clone()).await.expect(200)["holds"], false);
    world.give(&ada, &actor, json!({"permission": READ})).await;
    assert_eq!(ask(&world, ada.tenant, &actor, about.clone()).await.expect(200)["holds"], true);
    // What is had in another tenant counts nowhere else.
    let eve = world.owner().await;
    assert_eq!(ask(&world, ada.tenant, &principal(&eve), about).await.expect(200)["holds"], false);
}

#[tokio::test]
async fn what_is_handed_on_must_be_held() {
    let (world, ada, bob) = World::with_stranger().await;
    world
        .register(
            "billing",
            json!([{"name": "billing.readInvoices", "text": "x", "roles": ["member"]}, entry("billing.pay")]),
        )
        .await
        .expect(204);
    world.role(&ada, "payer", &["billing.pay"], &[]).await;
    let group = world.group(&ada, "payers", &[]).await;
    world.give(&ada, &format!("group:{group}"), json!({"role": "payer"})).await;
    let bobs = async |over: Value| ask(&world, ada.tenant, &principal(&bob), over).await.expect(200);
    for wanted in [things(&["payer"], &[], &[]), things(&[], &[&group], &[]), things(&[], &[], &["billing.pay"])] {
        assert_eq!(bobs(wanted).await, json!({"holds": false, "lacking": ["billing.pay"]}));
    }
    assert_eq!(bobs(things(&["member"], &[], &[])).await["lacking"], json!(["billing.readInvoices"]));
    world.give(&ada, &principal(&bob), json!({"role": "member"})).await;
    assert_eq!(bobs(things(&["member"], &[], &[])).await["holds"], true);
    world.grant(&ada, &bob, "billing.pay").await;
    assert_eq!(bobs(things(&["payer", "member"], &[&group], &["billing.pay"])).await["holds"], true);
    let nobodys = world.platform.ambient.uuid().to_string();
    ask(&world, ada.tenant, &principal(&bob), things(&["ghost"], &[], &[])).await.invalid(&["roles"]);
    ask(&world, ada.tenant, &principal(&bob), things(&[], &[&nobodys], &[])).await.invalid(&["groups"]);
    let many: Vec<String> = (0..101).map(|n| format!("billing.p{n}")).collect();
    ask(&world, ada.tenant, &principal(&bob), things(&[], &[], &many.iter().map(String::as_str).collect::<Vec<_>>()))
        .await
        .invalid(&["over"]);
    let eve = world.owner().await;
    ask(&world, eve.tenant, &principal(&eve), things(&[], &[&group], &[])).await.invalid(&["groups"]);
}

/// Writes that give nobody anything, whoever calls them, with the reason that somebody has checked.
const GIVES_NOBODY_ANYTHING: [(&str, &str); 6] = [
    ("createRole", "a role gives nothing until it is granted"),
    ("deleteRole", "only a role that nobody has or is denied can be deleted"),
    ("createGroup", "a new group has no members and no grants"),
    ("checkPermission", "it reads"),
    ("checkPermissions", "it reads"),
    ("explainPermission", "it reads"),
];

/// Every other write is refused to whoever holds the operation's own permission and nothing more, where that would give
/// more.
#[tokio::test]
async fn no_write_gives_more_than_its_caller_has() {
    let (world, ada, bob) = World::with_stranger().await;
    let role = world.role(&ada, "reader", &["permission.readRoles"], &[]).await;
    // What is to be got is READ: by a grant, by joining a group, by an edited role, by the end of denials of various
    // kinds.
    let (giving, denying) = (world.group(&ada, "giving", &[]).await, world.group(&ada, "denying", &[&bob]).await);
    world.give(&ada, &format!("group:{giving}"), json!({"permission": READ})).await;
    world.deny(&ada, &format!("group:{denying}"), READ).await.expect(201);
    world.give(&ada, &principal(&bob), json!({"role": "reader"})).await;
    let denial = world.deny(&ada, &principal(&bob), READ).await.expect(201)["id"].as_str().unwrap().to_owned();
    world.grant(&ada, &bob, "permission.writeGrants").await;
    world.grant(&ada, &bob, "permission.writeRoles").await;
    let me = principal(&bob);
    let grant = json!({"principal": me, "permission": READ});
    let carol = principal(&world.stranger(ada.tenant).await);
    let attack = |operation: &str| match operation {
        "transferOwnership" => Some(("/v1/ownership-transfers".into(), json!({"principal": carol}))),
        "editRole" => Some((format!("/v1/roles/{role}"), json!({"name": "reader", "permissions": [READ]}))),
        "createGrant" => Some(("/v1/grants".into(), grant.clone())),
        "revokeGrant" => Some((format!("/v1/grants/{denial}"), Value::Null)),
        "deleteGroup" => Some((format!("/v1/groups/{denying}"), Value::Null)),
        "addGroupMember" => Some((format!("/v1/groups/{giving}/members/{me}"), Value::Null)),
        "removeGroupMember" => Some((format!("/v1/groups/{denying}/members/{me}"), Value::Null)),
        "simulateChanges" => {
            Some(("/v1/simulate".into(), json!({"changes": [{"op": "grant", "principal": me, "permission": READ}]})))
        }
        _ => None,
    };
    let document = service_kit::openapi::<permission::Permission>();
    let (mut attacked, before) = (0, world.permissions(&bob).await);
    for (method, operation) in
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap())
    {
        let id = operation["operationId"].as_str().unwrap();
        let by_bearer = operation["security"].as_array().unwrap().iter().any(|scheme| scheme.get("bearer").is_some());
        if method == "get" || !by_bearer || GIVES_NOBODY_ANYTHING.iter().any(|(harmless, _)| *harmless == id) {
            continue;
        }
        let (path, body) = attack(id).unwrap_or_else(|| {
            panic!("{id}: what could it give? Attack it here, or list it as giving nobody anything")
        });
        let request = world
            .server
            .request(method.to_uppercase().parse().unwrap(), &path)
            .header("if-match", "*")
            .bearer(&bob.token);
        let request = if body.is_null() { request } else { request.body("application/json", body.to_string()) };
        let refusal = request.send().await.problem(403, "escalation");
        let what = if id == "transferOwnership" { "permission." } else { READ };
        assert!(refusal["detail"].as_str().unwrap().contains(what), "{id}: {refusal}");
        attacked += 1;
    }
    assert_eq!((attacked, world.permissions(&bob).await), (8, before));
}
