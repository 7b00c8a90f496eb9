//! Does another tenant's transaction see or write anything here?

use crate::support::{World, path_in, text};
use serde_json::json;
use test_support::tenant_walls;

#[tokio::test]
async fn tenants_are_walled_off() {
    let world = World::start().await;
    let ada = world.account("ada@acme.test", "Acme").await;
    world.allow(&ada, &["auth.inviteMembers", "auth.writeClients"]).await;
    let token = text(&world.log_in(&ada).await, "access_token").to_owned();
    world.server.post("/v1/invitations", &json!({"email": "bob@acme.test"})).bearer(&token).send().await.expect(202);
    let mail = &world.mails("invitation", "bob@acme.test").await[0];
    world.server.post(&path_in(mail, "refuse_link"), &json!({"from": "tenant"})).send().await.expect(204);
    world.server.post("/v1/clients", &json!({"name": "import"})).bearer(&token).send().await.expect(201);
    world
        .server
        .post("/v1/api-keys", &json!({"name": "laptop", "permissions": ["auth.inviteMembers"]}))
        .bearer(&token)
        .send()
        .await
        .expect(201);
    let open = "INSERT INTO removals SELECT id, tenant_id, user_id, 'client:test', now() FROM memberships";
    sqlx::raw_sql(open).execute(&world.platform.pool).await.unwrap();
    let tables = [
        "tenants",
        "memberships",
        "invitations",
        "invitation_refusals",
        "sessions",
        "refresh_tokens",
        "clients",
        "client_secrets",
        "api_keys",
        "removals",
    ];
    tenant_walls(&world.platform, &tables).await;
}
