//! Tests of principals: grants name somebody who exists, and end with who leaves.

use crate::support::{World, behind_a_link, principal, serve, state};
use contracts::{
    id::{ClientId, Principal},
    messages::ClientDeleted,
};
use serde_json::{Value, json};
use test_support::{Link, TestAnswer, TestPlatform, TestUser, eventually};
use uuid::Uuid;

const READ: &str = "permission.readGrants";

fn parsed(text: &str) -> Principal {
    text.parse().unwrap()
}

/// What auth asks while it removes a member.
async fn remove(world: &World, by: &TestUser, who: &str, id: Uuid) -> TestAnswer {
    let body = json!({"tenant_id": by.tenant, "principal": who, "id": id, "by": principal(by)});
    world.server.post("/internal/removals", &body).bearer(&world.platform.client_token("auth")).send().await
}

/// A member who has joined as auth says it.
async fn joined(world: &World, ada: &TestUser) -> (TestUser, Uuid) {
    let (bob, id) = (world.stranger(ada.tenant).await, world.platform.ambient.uuid());
    world.platform.issuer.enrol(ada.tenant, &parsed(&principal(&bob)), id);
    world.say_joined(&bob, Some(id)).await;
    eventually("the member has a grant", async || {
        (world.grants_of(ada, &bob, "member").await.len() == 1).then_some(())
    })
    .await;
    (bob, id)
}

/// The attack: an owner who does not exist, and then none who does.
#[tokio::test]
async fn nothing_is_given_to_somebody_who_does_not_exist() {
    let world = World::start().await;
    let (ada, eve) = (world.owner().await, world.owner().await);
    let group = world.group(&ada, "readers", &[]).await;
    let before = state(&world).await;
    let ghost = world.platform.ambient.uuid();
    for who in [format!("user:{ghost}"), format!("client:{ghost}"), "client:worker".to_owned(), principal(&eve)] {
        let grant = |effect: &str| json!({"principal": who, "role": "owner", "effect": effect});
        for effect in ["allow", "deny"] {
            let refusal = world.post("/v1/grants", &ada, grant(effect)).await.problem(422, "invalid");
            assert_eq!(
                (&refusal["errors"][0]["field"], &refusal["errors"][0]["code"]),
                (&json!("principal"), &json!("unknown_principal")),
                "{who}"
            );
        }
        world.put(&format!("/v1/groups/{group}/members/{who}"), &ada).await.invalid(&["principal"]);
        let changes = json!({"changes": [{"op": "grant", "principal": who, "role": "owner"}]});
        world.post("/v1/simulate", &ada, changes).await.invalid(&["changes[0].principal"]);
    }
    assert_eq!(state(&world).await, before);
    world.revoke_role(&ada, &ada, "owner").await.problem(409, "last_owner");
}

/// Grants from before principals were known, some to nobody: the real owners count, the others do not.
#[tokio::test]
async fn an_owner_who_does_not_exist_is_none_and_one_of_before_is_asked_about() {
    let (world, ada, bob) = World::with_stranger().await;
    let query = "INSERT INTO grants (id, tenant_id, principal, role_id, granted_by, granted_at)
        SELECT gen_random_uuid(), $1, 'user:' || gen_random_uuid(), '00000000-0000-7000-8000-000000000001',
        'client:test', now()";
    sqlx::query(query).bind(ada.tenant.0).execute(&world.platform.pool).await.unwrap();
    let forget = async || sqlx::raw_sql("DELETE FROM principals").execute(&world.platform.pool).await.unwrap();
    forget().await;
    let own = world.grants_of(&ada, &ada, "owner").await;
    world.revoke(&ada, &own[0]).await.problem(409, "last_owner");
    world.give(&ada, &principal(&bob), json!({"role": "owner"})).await;
    forget().await;
    world.revoke(&ada, &own[0]).await.expect(204);
    world.revoke_role(&bob, &bob, "owner").await.problem(409, "last_owner");
}

#[tokio::test]
async fn a_machine_just_made_is_granted_something_at_once_and_then_is_known() {
    let (world, ada) = World::with_owner().await;
    let machine = world.machine(ada.tenant);
    world.give(&ada, &machine, json!({"permission": READ})).await;
    let asked = world.platform.issuer.questions();
    world.give(&ada, &machine, json!({"permission": "permission.readRoles"})).await;
    assert_eq!(world.platform.issuer.questions(), asked, "who is known is not asked about");
}

#[tokio::test]
async fn while_auth_is_away_who_is_known_is_granted_and_others_must_wait() {
    let platform = TestPlatform::of::<permission::Permission>().await;
    let mut variables = platform.env();
    let link = Link::to(&variables["AUTH_URL"]).await;
    variables.insert("AUTH_URL".into(), link.through(&variables["AUTH_URL"]));
    let server = serve(&platform, variables).await;
    let world = World { server, platform };
    let ada = world.owner().await;
    let (bob, carol) = (world.stranger(ada.tenant).await, world.stranger(ada.tenant).await);
    let grant = |who: &TestUser, what: &str| json!({"principal": principal(who), "permission": what});
    world.post("/v1/grants", &ada, grant(&bob, READ)).await.expect(201);
    link.cut();
    world.post("/v1/grants", &ada, grant(&bob, "permission.readRoles")).await.expect(201);
    let before = state(&world).await;
    world.post("/v1/grants", &ada, grant(&carol, READ)).await.problem(503, "unavailable");
    let own = world.grants_of(&ada, &ada, "owner").await;
    sqlx::raw_sql("DELETE FROM principals").execute(&world.platform.pool).await.unwrap();
    world.revoke(&ada, &own[0]).await.problem(503, "unavailable");
    assert_eq!(state(&world).await, before);
    link.mend();
    eventually("auth is back", async || {
        (world.post("/v1/grants", &ada, grant(&carol, READ)).await.status == 201).then_some(())
    })
    .await;
    world.revoke(&ada, &own[0]).await.problem(409, "last_owner");
}

#[tokio::test]
async fn who_leaves_has_nothing_left_and_gets_nothing() {
    let (world, ada) = World::with_owner().await;
    let (bob, id) = joined(&world, &ada).await;
    let (me, group) = (principal(&bob), world.group(&ada, "readers", &[&bob]).await);
    world.give(&ada, &format!("group:{group}"), json!({"permission": "permission.readRoles"})).await;
    world.grant(&ada, &bob, READ).await;
    world.deny(&ada, &me, "permission.readAudit").await.expect(201);
    for path in ["/v1/grants", "/v1/roles"] {
        world.get(path, &bob).await.expect(200);
    }
    for _ in 0..2 {
        remove(&world, &ada, &me, id).await.expect(204);
        for path in ["/v1/grants", "/v1/roles"] {
            world.get(path, &bob).await.problem(403, "permission_missing");
        }
        // Auth says for a moment longer that the membership is there.
        world.post("/v1/grants", &ada, json!({"principal": me, "permission": READ})).await.invalid(&["principal"]);
        world.join(&ada, &group, &bob).await.invalid(&["principal"]);
    }
    assert_eq!(world.get(&format!("/v1/grants?principal={me}"), &ada).await.expect(200)["items"], json!([]));
    assert_eq!(world.get(&format!("/v1/groups/{group}/members"), &ada).await.expect(200)["items"], json!([]));
    let entries = world.get(&format!("/v1/audit?action=principal.removed&about={me}"), &ada).await.expect(200);
    let entry = &entries["items"][0];
    assert_eq!(
        (entries["items"].as_array().unwrap().len(), &entry["actor"], &entry["before"]["groups"]),
        (1, &json!(principal(&ada)), &json!([group]))
    );
    assert_eq!(entry["before"]["grants"].as_array().unwrap().len(), 3);
    assert_eq!(world.get("/v1/audit/verification", &ada).await.expect(200)["whole"], true);
    assert_eq!(world.count("SELECT count(*) FROM pending_stamps").await, 0);
}

#[tokio::test]
async fn late_news_of_their_coming_does_not_bring_them_back_and_joining_again_does() {
    let (world, ada) = World::with_owner().await;
    let (bob, first) = joined(&world, &ada).await;
    let (carol, never) = (world.stranger(ada.tenant).await, world.platform.ambient.uuid());
    // Carol leaves before the news that she came has arrived.
    for (who, id) in [(&bob, first), (&carol, never)] {
        remove(&world, &ada, &principal(who), id).await.expect(204);
        world.say_joined(who, Some(id)).await;
    }
    world.counted("SELECT count(*) FROM inbox_messages", 4).await;
    for who in [&bob, &carol] {
        assert_eq!(
            world.get(&format!("/v1/grants?principal={}", principal(who)), &ada).await.expect(200)["items"],
            json!([])
        );
    }
    let again = world.platform.ambient.uuid();
    world.platform.issuer.enrol(ada.tenant, &parsed(&principal(&bob)), again);
    world.say_joined(&bob, Some(again)).await;
    eventually("he is a member again", async || (world.grants_of(&ada, &bob, "member").await.len() == 1).then_some(()))
        .await;
    world.grant(&ada, &bob, READ).await;
    // The first removal, repeated, does not touch what he has now.
    remove(&world, &ada, &principal(&bob), first).await.expect(204);
    world.get("/v1/grants", &bob).await.expect(200);
}

#[tokio::test]
async fn the_last_owner_cannot_leave() {
    let (world, ada) = World::with_owner().await;
    let (bob, id) = joined(&world, &ada).await;
    let adas = world.platform.ambient.uuid();
    world.platform.issuer.enrol(ada.tenant, &parsed(&principal(&ada)), adas);
    sqlx::raw_sql("DELETE FROM principals WHERE principal LIKE 'user:%'").execute(&world.platform.pool).await.unwrap();
    let before = state(&world).await;
    remove(&world, &ada, &principal(&ada), adas).await.problem(409, "last_owner");
    assert_eq!(state(&world).await, before);
    world.give(&ada, &principal(&bob), json!({"role": "owner"})).await;
    let (ada_is, bob_is) = (principal(&ada), principal(&bob));
    let (one, other) = tokio::join!(remove(&world, &ada, &ada_is, adas), remove(&world, &bob, &bob_is, id));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409], "of two who leave at once one stays");
}

#[tokio::test]
async fn a_removal_that_redis_missed_is_not_said_to_be_in_force_until_it_is() {
    let (world, link) = behind_a_link().await;
    let ada = world.owner().await;
    let (bob, id) = joined(&world, &ada).await;
    world.grant(&ada, &bob, READ).await;
    world.get("/v1/grants", &bob).await.expect(200);
    link.cut();
    remove(&world, &ada, &principal(&bob), id).await.problem(503, "revoke_unconfirmed");
    link.mend();
    eventually("the repetition is taken", async || {
        (remove(&world, &ada, &principal(&bob), id).await.status == 204).then_some(())
    })
    .await;
    world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
}

/// Nor is it an owner while it is there: a tenant belongs to a person.
#[tokio::test]
async fn a_machine_that_is_no_more_holds_nothing() {
    let (world, ada) = World::with_owner().await;
    let machine = world.machine(ada.tenant);
    let client: ClientId = machine.strip_prefix("client:").unwrap().parse().unwrap();
    world.give(&ada, &machine, json!({"role": "owner"})).await;
    world.revoke_role(&ada, &ada, "owner").await.problem(409, "last_owner");
    let deleted = ClientDeleted { tenant_id: ada.tenant, client_id: client };
    for _ in 0..2 {
        world.platform.publish(Some(ada.tenant), &deleted).await;
    }
    world.counted("SELECT count(*) FROM inbox_messages", 3).await;
    let held = world.get(&format!("/v1/principals/{machine}/permissions"), &ada).await.expect(200);
    assert_eq!(held["items"], Value::Array(vec![]));
    world.post("/v1/grants", &ada, json!({"principal": machine, "role": "owner"})).await.invalid(&["principal"]);
    let entries = world.get("/v1/audit?action=principal.removed", &ada).await.expect(200);
    assert_eq!((entries["items"].as_array().unwrap().len(), &entries["items"][0]["target"]), (1, &json!(machine)));
}
