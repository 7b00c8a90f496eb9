//! Identity: what a key and a machine learn of who they are, and the permission service of who exists.

use crate::support::{World, text};
use contracts::id::Principal;
use serde_json::{Value, json};

#[tokio::test]
async fn a_key_learns_no_more_of_its_owner_than_it_may_see() {
    let (world, ada) = World::with_ada().await;
    let eve = world.account("eve@evil.test", "Evil").await;
    world.allow(&ada, &["auth.inviteMembers", "auth.readMembers"]).await;
    world.allow(&eve, &["auth.inviteMembers"]).await;
    let eves = world.token(&eve).await;
    world.joins(&eve, &eves, &ada.email).await;
    let token = world.token(&ada).await;
    let key = async |permission: &str| {
        let body = json!({"name": "script", "permissions": [permission]});
        text(&world.server.post("/v1/api-keys", &body).bearer(&token).await.expect(201), "secret").to_owned()
    };
    let (blind, seeing) = (key("auth.inviteMembers").await, key("auth.readMembers").await);
    let me = async |token: &str| world.server.get("/v1/me").bearer(token).await.expect(200);
    let acme = json!({"id": ada.tenant, "name": "Acme"});
    assert_eq!(me(&blind).await, json!({"user": {"id": ada.user}, "tenant": acme, "tenants": [acme]}));
    let seen = json!({"id": ada.user, "email": "ada@acme.test", "display_name": "Ada"});
    assert_eq!(me(&seeing).await, json!({"user": seen, "tenant": acme, "tenants": [acme]}));
    assert_eq!(
        me(&token).await,
        json!({"user": seen, "tenant": acme, "tenants": [acme, {"id": eve.tenant, "name": "Evil"}]})
    );
    // What the owner may not see any more the key does not see.
    world.allow(&ada, &["auth.inviteMembers"]).await;
    assert_eq!(me(&seeing).await["user"], json!({"id": ada.user}));
}

#[tokio::test]
async fn a_machine_sees_itself() {
    let world = World::start().await;
    let (ada, admin) = world.signed_in("ada@acme.test", "Acme", &["auth.writeClients"]).await;
    let made = world.server.post("/v1/clients", &json!({"name": "import"})).bearer(&admin).await.expect(201);
    let (id, secret) = (text(&made["client"], "id"), text(&made["secret"], "secret"));
    let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    let token = text(&world.server.post_form("/v1/oauth/token", &form).await.expect(200), "access_token").to_owned();
    let acme = json!({"id": ada.tenant, "name": "Acme"});
    let me = world.server.get("/v1/me").bearer(&token).await.expect(200);
    assert_eq!(me, json!({"client": {"id": id, "name": "import"}, "tenant": acme, "tenants": [acme]}));
}

#[tokio::test]
async fn who_exists_is_told_of_each_tenant_alone() {
    let world = World::start().await;
    let (ada, eve) = (world.account("ada@acme.test", "Acme").await, world.account("eve@evil.test", "Evil").await);
    world.allow(&ada, &["auth.writeClients"]).await;
    let admin = world.token(&ada).await;
    let made = world.server.post("/v1/clients", &json!({"name": "import"})).bearer(&admin).await.expect(201);
    let client = text(&made["client"], "id").to_owned();
    let (person, machine) = (Principal::User(ada.user).to_string(), format!("client:{client}"));
    let named = [
        person.clone(),
        machine.clone(),
        format!("client:{}", client.to_uppercase()),
        "client:worker".to_owned(),
        format!("user:{client}"),
    ];
    let permission = world.platform_token("permission").await;
    let ask = async |tenant, named: &[String], token: &str| {
        world
            .server
            .post("/internal/principals", &json!({"tenant_id": tenant, "principals": named}))
            .bearer(token)
            .await
    };
    let found = async |tenant| {
        let answer = ask(tenant, &named, &permission).await.expect(200);
        answer["existing"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["principal"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found(ada.tenant).await, [person.clone(), machine]);
    assert_eq!(found(eve.tenant).await, [""; 0]);
    assert_eq!(world.server.delete(&format!("/v1/clients/{client}")).bearer(&admin).await.status, 204);
    assert_eq!(found(ada.tenant).await, [person]);
    assert_eq!(world.said::<contracts::messages::ClientDeleted>().await.len(), 1);
    let many: Vec<String> = (0..201).map(|n| format!("client:{n}")).collect();
    ask(ada.tenant, &many, &permission).await.invalid(&["principals"]);
    ask(ada.tenant, &[], &world.worker_token().await).await.problem(403, "platform_client_only");
    assert_eq!(ask(ada.tenant, &[], &permission).await.expect(200), json!({"existing": Value::Array(vec![])}));
}
