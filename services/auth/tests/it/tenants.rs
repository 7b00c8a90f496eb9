//! Tenants of one person: another one is made, and a session goes on there.

use crate::{
    authenticator::Enrolled,
    support::{Account, PASSWORD, World, id, text},
};
use chrono::TimeDelta;
use contracts::{
    id::TenantId,
    messages::{TenantCreated, TenantKind},
};
use serde_json::{Value, json};
use test_support::{Link, TestAnswer};

async fn create(world: &World, session: &Value, name: &str) -> TestAnswer {
    // What was joined first is told by the time.
    world.clock.advance(TimeDelta::seconds(1));
    world.server.post("/v1/tenants", &json!({"name": name})).bearer(text(session, "access_token")).await
}

async fn go(world: &World, session: &Value, tenant: TenantId) -> TestAnswer {
    let body = json!({"refresh_token": session["refresh_token"], "tenant_id": tenant});
    world.server.post("/v1/sessions/refresh", &body).await
}

async fn me(world: &World, session: &Value) -> TestAnswer {
    world.server.get("/v1/me").bearer(text(session, "access_token")).await
}

/// Ada with a session in Acme, and her other tenant.
async fn with_two() -> (World, Account, Value, TenantId) {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    let made = create(&world, &session, "Globex").await.expect(201);
    let globex = id(&made["id"]);
    (world, ada, session, globex)
}

#[tokio::test]
async fn who_has_an_account_makes_another_tenant_and_owns_it() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    let made = create(&world, &session, "  Globex ").await;
    let location = made.header("location").unwrap().to_owned();
    let made = made.expect(201);
    assert_eq!((location, text(&made, "name")), (format!("/v1/tenants/{}", text(&made, "id")), "Globex"));
    assert_eq!(
        world
            .server
            .get(&format!("/v1/tenants/{}", text(&made, "id")))
            .bearer(text(&session, "access_token"))
            .await
            .expect(200),
        made
    );
    let told = world.said::<TenantCreated>().await.pop().unwrap();
    let expected = TenantCreated {
        tenant_id: id(&made["id"]),
        name: "Globex".into(),
        kind: TenantKind::Customer,
        owner_user_id: ada.user,
        owner_email: ada.email.clone(),
    };
    assert_eq!(told, expected);
    let me = me(&world, &session).await.expect(200);
    assert_eq!((&me["tenant"]["name"], &me["tenants"][1]), (&json!("Acme"), &made), "the token acts where it did");
}

#[tokio::test]
async fn a_tenant_is_made_once_for_a_key_and_nobody_makes_too_many() {
    let (world, ada) = World::with_ada().await;
    let token = world.token(&ada).await;
    let ask = async |name: &str, key: &str| {
        world.server.post("/v1/tenants", &json!({"name": name})).bearer(&token).header("idempotency-key", key).await
    };
    let first = ask("Globex", "a1b2c3d4e5f6a7b8").await.expect(201);
    assert_eq!(ask("Globex", "a1b2c3d4e5f6a7b8").await.expect(201), first);
    assert_eq!(world.count("tenants").await, 2);
    for unsound in ["", " ", "see https://evil.test", "a\nb", &"x".repeat(101)] {
        let refusal = ask(unsound, "c1b2c3d4e5f6a7b8").await.problem(422, "invalid");
        assert_eq!(refusal["errors"][0]["field"], "name");
    }
    // With that of the registration twenty; those asked for at once are counted one after the other.
    let keys: Vec<_> = (0..20).map(|n| format!("d1b2c3d4e5f6a7{n:02}")).collect();
    let asked = futures_util::future::join_all(keys.iter().map(|key| ask("More", key))).await;
    assert_eq!(asked.iter().filter(|answer| answer.status == 201).count(), 18);
    ask("More", "e1b2c3d4e5f6a7b8").await.problem(409, "too_many_tenants");
    assert_eq!(world.count("tenants").await, 20);
    let key = json!({"name": "laptop", "permissions": ["auth.readMembers"]});
    world.allow(&ada, &["auth.readMembers"]).await;
    let key = world.server.post("/v1/api-keys", &key).bearer(&token).await.expect(201);
    create(&world, &json!({"access_token": key["secret"]}), "Mine").await.problem(403, "user_session_required");
}

#[tokio::test]
async fn a_tenant_of_others_is_not_there() {
    let (world, ada, session, _) = with_two().await;
    let bob = world.account("bob@globex.test", "Initech").await;
    let token = text(&session, "access_token");
    world.server.get(&format!("/v1/tenants/{}", bob.tenant)).bearer(token).await.problem(404, "tenant_not_found");
    world.server.get(&format!("/v1/tenants/{}", ada.tenant)).bearer(token).await.expect(200);
}

#[tokio::test]
async fn a_session_goes_on_in_another_tenant_and_is_the_same_one() {
    let (world, ada, first, globex) = with_two().await;
    let second = go(&world, &first, globex).await.expect(200);
    assert_eq!((&second["session_id"], &second["tenant"]["name"]), (&first["session_id"], &json!("Globex")));
    assert_eq!(me(&world, &second).await.expect(200)["tenant"]["name"], "Globex");
    me(&world, &first).await.problem(401, "session_ended");
    let listed = world.server.get("/v1/sessions").bearer(text(&second, "access_token")).await.expect(200);
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["tenant_id"]), (1, &json!(globex)));
    // A refresh that names no tenant stays; one that names it again does as well, and an answer that was lost is repeated.
    let refresh = json!({"refresh_token": second["refresh_token"]});
    let third = world.server.post("/v1/sessions/refresh", &refresh).await.expect(200);
    assert_eq!(third["tenant"]["name"], "Globex");
    let back = go(&world, &third, ada.tenant).await.expect(200);
    assert_eq!(go(&world, &third, ada.tenant).await.expect(200)["refresh_token"], back["refresh_token"]);
    me(&world, &third).await.problem(401, "session_ended");
    // What ends it ends it where it is.
    let gone = world.server.delete("/v1/sessions/current").bearer(text(&back, "access_token")).await;
    assert_eq!(gone.status, 204);
    me(&world, &back).await.problem(401, "session_ended");
    go(&world, &back, globex).await.problem(401, "session_ended");
}

#[tokio::test]
async fn a_copy_of_its_refresh_token_ends_it_wherever_it_is() {
    let (world, _, first, globex) = with_two().await;
    let second = go(&world, &first, globex).await.expect(200);
    world.clock.advance(TimeDelta::seconds(60));
    go(&world, &first, globex).await.problem(401, "refresh_reused");
    me(&world, &second).await.problem(401, "session_ended");
}

#[tokio::test]
async fn who_may_not_act_there_keeps_the_session_as_it_was() {
    let (world, _, first, globex) = with_two().await;
    let bob = world.account("bob@globex.test", "Initech").await;
    go(&world, &first, bob.tenant).await.problem(403, "not_a_member");
    go(&world, &first, TenantId(uuid::Uuid::nil())).await.problem(403, "not_a_member");
    let demand = "UPDATE tenants SET second_factor_required = true WHERE id = $1";
    sqlx::query(demand).bind(globex.0).execute(&world.platform.pool).await.unwrap();
    go(&world, &first, globex).await.problem(403, "step_up_required");
    world.clock.advance(TimeDelta::minutes(2));
    me(&world, &first).await.expect(200);
    let refresh = json!({"refresh_token": first["refresh_token"]});
    world.server.post("/v1/sessions/refresh", &refresh).await.expect(200);
    let form = [("grant_type", "refresh_token")];
    assert_eq!(world.server.post_form("/v1/sessions/refresh", &form).await.status, 415);
}

#[tokio::test]
async fn a_second_factor_that_was_shown_counts_in_the_other_tenant() {
    let (world, ada) = Enrolled::ada().await;
    let made = create(&world, &ada.session, "Globex").await.expect(201);
    let globex: TenantId = id(&made["id"]);
    let demand = "UPDATE tenants SET second_factor_required = true WHERE id = $1";
    sqlx::query(demand).bind(globex.0).execute(&world.platform.pool).await.unwrap();
    let there = go(&world, &ada.session, globex).await.expect(200);
    assert_eq!(there["tenant"]["name"], "Globex");
}

/// A session that was stolen is not kept safe in a tenant of the thief's.
#[tokio::test]
async fn a_session_does_not_come_back_into_a_tenant_that_has_ended_it() {
    let (world, ada, first, globex) = with_two().await;
    let elsewhere = go(&world, &first, globex).await.expect(200);
    world.allow(&ada, &["auth.writeMembers"]).await;
    world.clock.advance(TimeDelta::seconds(1));
    let admin = world.token(&ada).await;
    let end = world.server.delete(&format!("/v1/members/{}/sessions", ada.user)).bearer(&admin).await;
    assert_eq!(end.status, 204);
    go(&world, &elsewhere, ada.tenant).await.problem(403, "step_up_required");
    me(&world, &elsewhere).await.expect(200);
    // Whoever knows the password may.
    world.clock.advance(TimeDelta::seconds(1));
    let proof = json!({"password": PASSWORD});
    let stepped = world.server.post("/v1/sessions/current/step-up", &proof).bearer(text(&elsewhere, "access_token"));
    stepped.await.expect(200);
    assert_eq!(go(&world, &elsewhere, ada.tenant).await.expect(200)["tenant"]["name"], "Acme");
}

/// However refreshes, moves and ends meet, the session is in one tenant or ended, and no token of the other is taken.
#[tokio::test]
async fn moves_refreshes_and_ends_at_once_leave_one_session() {
    let (world, ada, first, globex) = with_two().await;
    let token = first["refresh_token"].clone();
    let (mut there, mut here) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        there.push(go(&world, &first, globex));
        here.push(go(&world, &first, ada.tenant));
    }
    let (there, here) = tokio::join!(futures_util::future::join_all(there), futures_util::future::join_all(here));
    let answers: Vec<Value> = there.into_iter().chain(here).map(|answer| answer.expect(200)).collect();
    assert!(answers.iter().all(|answer| answer["refresh_token"] == answers[0]["refresh_token"]), "of {token}");
    let mut taken = Vec::new();
    for answer in &answers {
        if me(&world, answer).await.status == 200 {
            taken.push(answer["tenant"]["id"].clone());
        }
    }
    taken.dedup();
    assert_eq!(taken.len(), 1, "{taken:?}");
    let alive = answers.iter().find(|answer| answer["tenant"]["id"] == taken[0]).unwrap();
    let end = world.server.delete(&format!("/v1/sessions/{}", text(alive, "session_id")));
    let (ended, _) = tokio::join!(end.bearer(text(alive, "access_token")), go(&world, alive, globex));
    assert_eq!(ended.status, 204);
    for answer in &answers {
        me(&world, answer).await.problem(401, "session_ended");
    }
}

#[tokio::test]
async fn while_redis_is_away_nothing_moves_and_the_same_request_goes_through_later() {
    let (world, link): (World, Link) = World::behind_a_link("REDIS_URL").await;
    let ada = world.account("ada@acme.test", "Acme").await;
    let first = world.log_in(&ada).await;
    let globex: TenantId = id(&create(&world, &first, "Globex").await.expect(201)["id"]);
    link.cut();
    go(&world, &first, globex).await.problem(503, "unavailable");
    // It was not used up: however late the next attempt is, it is no copy.
    world.clock.advance(TimeDelta::minutes(5));
    link.mend();
    let moved = test_support::eventually("Redis is back", async || {
        let answer = go(&world, &first, globex).await;
        (answer.status == 200).then(|| answer.expect(200))
    })
    .await;
    assert_eq!(me(&world, &moved).await.expect(200)["tenant"]["name"], "Globex");
    me(&world, &first).await.problem(401, "session_ended");
}
