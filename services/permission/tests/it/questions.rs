//! Tests of checks, lists of permissions and holders, and the fill of the cache.

use crate::support::{World, principal, state, texts};
use access::token::Claims;
use contracts::id::TenantId;
use serde_json::{Value, json};
use test_support::TestUser;

const READ: &str = "permission.readGrants";

#[tokio::test]
async fn everybody_may_ask_what_they_may_do() {
    let (world, ada, bob) = World::with_stranger().await;
    let all = [
        "permission.readAudit",
        "permission.readGrants",
        "permission.readRoles",
        "permission.writeGrants",
        "permission.writeRoles",
    ];
    assert_eq!(world.permissions(&ada).await, all);
    assert_eq!(world.permissions(&bob).await, [""; 0]);
    let check = async |user, permission: &str| world.post("/v1/check", user, json!({"permission": permission})).await;
    assert_eq!(check(&ada, all[0]).await.expect(200), json!({"allowed": true, "version": 1}));
    assert_eq!(check(&bob, all[0]).await.expect(200), json!({"allowed": false, "version": 1}));
    check(&bob, "permission.ghost").await.invalid(&["permission"]);
}

/// The token that auth gives for an API key of Ada's: hers, limited.
fn api_key_token(world: &World, ada: &TestUser, scope: &str) -> String {
    let claims = Claims {
        tid: Some(ada.tenant),
        sid: Some(ada.session),
        scope: Some(scope.into()),
        ..world.platform.issuer.claims(&ada.user.to_string(), "api-key")
    };
    world.platform.issuer.sign(&claims)
}

#[tokio::test]
async fn an_api_key_may_no_more_than_its_scope_and_hands_nothing_on() {
    let (world, ada) = World::with_owner().await;
    let token = api_key_token(&world, &ada, "permission.readGrants permission.writeGrants auth.nothing");
    let key = TestUser { token, ..ada.clone() };
    assert_eq!(world.permissions(&key).await, [READ, "permission.writeGrants"]);
    for (permission, allowed) in [(READ, true), ("permission.readRoles", false)] {
        for about in
            [json!({"permission": permission}), json!({"permission": permission, "principal": principal(&ada)})]
        {
            assert_eq!(world.post("/v1/check", &key, about).await.expect(200)["allowed"], allowed);
        }
    }
    world.get("/v1/grants", &key).await.expect(200);
    world.get("/v1/roles", &key).await.problem(403, "permission_missing");
    let before = state(&world).await;
    let grant = json!({"principal": "client:ci", "permission": READ});
    world.post("/v1/grants", &key, grant.clone()).await.problem(403, "user_session_required");
    world
        .post("/v1/simulate", &key, json!({"changes": [{"op": "grant", "principal": "client:ci", "permission": READ}]}))
        .await
        .problem(403, "user_session_required");
    assert_eq!(state(&world).await, before);
}

#[tokio::test]
async fn registered_permissions_are_listed_in_pages() {
    let (world, ada) = World::with_owner().await;
    let items = world.list(&ada, "/v1/permissions", 3).await;
    let name = |item: &Value| item["name"].as_str().unwrap().to_owned();
    let mut names: Vec<_> = items.iter().map(|item| (name(item), item["dangerous"] == true)).collect();
    names.sort();
    let expected = [
        ("readAudit", false),
        ("readGrants", false),
        ("readRoles", false),
        ("writeGrants", true),
        ("writeRoles", true),
    ];
    assert_eq!(names, expected.map(|(name, dangerous)| (format!("permission.{name}"), dangerous)));
}

#[tokio::test]
async fn platform_services_fill_records() {
    let (world, ada) = World::with_owner().await;
    let fill = async |client: &str, tenant: TenantId| {
        let body = json!({"tenant_id": tenant, "principal": principal(&ada)});
        world.server.post("/internal/records", &body).bearer(&world.platform.client_token(client)).send().await
    };
    assert_eq!(fill("auth", ada.tenant).await.expect(200)["permissions"].as_array().unwrap().len(), 5);
    assert_eq!(fill("forum", world.platform.tenant()).await.expect(200), json!({"permissions": []}));
}

#[tokio::test]
async fn who_may_read_grants_may_ask_about_others() {
    let (world, ada, bob) = World::with_stranger().await;
    let body = json!({"principal": principal(&ada), "permission": READ});
    world.post("/v1/check", &bob, body.clone()).await.problem(403, "permission_missing");
    world.post("/v1/check:batch", &bob, json!({"checks": [body.clone()]})).await.problem(403, "permission_missing");
    world.post("/v1/check", &bob, json!({"principal": principal(&bob), "permission": READ})).await.expect(200);
    world.grant(&ada, &bob, READ).await;
    assert_eq!(world.post("/v1/check", &bob, body).await.expect(200)["allowed"], true);
    let checks = json!({"checks": [
        {"permission": READ}, {"permission": "permission.writeRoles"},
            {"principal": principal(&ada), "permission": "permission.writeRoles"},
        {"principal": "client:nobody", "permission": READ},
    ]});
    let answer = world.post("/v1/check:batch", &bob, checks).await.expect(200);
    let allowed: Vec<_> =
        answer["results"].as_array().unwrap().iter().map(|result| result["allowed"].as_bool().unwrap()).collect();
    assert_eq!(allowed, [true, false, true, false]);
    let many = |count| json!({"checks": vec![json!({"permission": READ}); count]});
    assert_eq!(
        world.post("/v1/check:batch", &bob, many(200)).await.expect(200)["results"].as_array().unwrap().len(),
        200
    );
    world.post("/v1/check:batch", &bob, many(201)).await.invalid(&["checks"]);
    world.post("/v1/check:batch", &bob, many(0)).await.invalid(&["checks"]);
    let unknown = json!({"checks": [{"permission": READ}, {"permission": "permission.ghost"}]});
    world.post("/v1/check:batch", &bob, unknown).await.invalid(&["checks[1].permission"]);
}

#[tokio::test]
async fn a_check_has_seen_the_version_it_demands() {
    let (world, ada, bob) = World::with_stranger().await;
    let granted = world.post("/v1/grants", &ada, json!({"principal": principal(&bob), "permission": READ})).await;
    let version: i64 = granted.header("x-version").unwrap().parse().unwrap();
    assert_eq!(granted.json["version"], version);
    let ask = async |version: i64| {
        world.post("/v1/check", &bob, json!({"permission": READ, "at_least_version": version})).await
    };
    assert_eq!(ask(version).await.expect(200), json!({"allowed": true, "version": version}));
    ask(version + 1).await.problem(409, "version_not_reached");
    let revoked = world.revoke(&ada, granted.json["id"].as_str().unwrap()).await;
    assert_eq!(revoked.header("x-version"), Some((version + 1).to_string().as_str()));
    assert_eq!(ask(version + 1).await.expect(200), json!({"allowed": false, "version": version + 1}));
}

#[tokio::test]
async fn holders_and_permissions_are_listed_to_the_last() {
    let (world, ada) = World::with_owner().await;
    let people: Vec<TestUser> =
        [world.stranger(ada.tenant).await, world.stranger(ada.tenant).await, world.stranger(ada.tenant).await].into();
    let group = world.group(&ada, "readers", &[&people[0], &people[1]]).await;
    world.give(&ada, &format!("group:{group}"), json!({"role": "owner"})).await;
    world.deny(&ada, &principal(&people[1]), READ).await.expect(201);
    world.grant(&ada, &people[2], "permission.readRoles").await;
    let robot = world.machine(ada.tenant);
    world.give(&ada, &robot, json!({"permission": READ})).await;
    let mut expected = vec![robot, principal(&ada), principal(&people[0])];
    expected.sort();
    let path = format!("/v1/permissions/{READ}/holders");
    for limit in [1, 2, 3, 200] {
        assert_eq!(texts(&world.list(&ada, &path, limit).await, "principal"), expected, "limit {limit}");
    }
    world.get("/v1/permissions/permission.ghost/holders", &ada).await.problem(404, "permission_not_found");
    let path = format!("/v1/principals/{}/permissions", principal(&people[1]));
    for limit in [1, 3, 4, 200] {
        let names = texts(&world.list(&ada, &path, limit).await, "name");
        assert_eq!(
            names,
            ["readAudit", "readRoles", "writeGrants", "writeRoles"].map(|action| format!("permission.{action}")),
            "limit {limit}"
        );
    }
    assert!(world.list(&ada, "/v1/principals/client:nobody/permissions", 1).await.is_empty());
    world.get(&format!("{path}?limit=0"), &ada).await.invalid(&["limit"]);
    world.get(&format!("{path}?cursor=*"), &ada).await.invalid(&["cursor"]);
    let eve = world.owner().await;
    let holders = world.list(&eve, &format!("/v1/permissions/{READ}/holders"), 50).await;
    assert_eq!(texts(&holders, "principal"), [principal(&eve)]);
    assert!(world.list(&eve, &path, 50).await.is_empty());
}

#[tokio::test]
async fn a_page_of_holders_ends_and_leads_on_where_hardly_anybody_has_it() {
    let (world, ada) = World::with_owner().await;
    sqlx::query(
        "INSERT INTO grants (id, tenant_id, principal, permission, granted_by, granted_at)
         SELECT gen_random_uuid(), $1, 'client:' || n, 'permission.readRoles', 'client:test', now()
         FROM generate_series(1, 2500) n",
    )
    .bind(ada.tenant.0)
    .execute(&world.platform.pool)
    .await
    .unwrap();
    let holders = world.list(&ada, &format!("/v1/permissions/{READ}/holders"), 10).await;
    assert_eq!(texts(&holders, "principal"), [principal(&ada)]);
    assert_eq!(world.list(&ada, "/v1/permissions/permission.readRoles/holders", 200).await.len(), 2501);
}
