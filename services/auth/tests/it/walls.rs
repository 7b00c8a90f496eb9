//! The walls between tenants.

use crate::support::{World, path_in};
use serde_json::json;
use test_support::tenant_walls;

#[tokio::test]
async fn tenants_are_walled_off() {
    let world = World::start().await;
    let (_, token) = world.signed_in("ada@acme.test", "Acme", &["auth.inviteMembers", "auth.writeClients"]).await;
    world.server.post("/v1/invitations", &json!({"email": "bob@acme.test"})).bearer(&token).await.expect(202);
    let mail = &world.mails("invitation", "bob@acme.test").await[0];
    world.server.post(&path_in(mail, "refuse_link"), &json!({"from": "tenant"})).await.expect(204);
    world.server.post("/v1/clients", &json!({"name": "import"})).bearer(&token).await.expect(201);
    world
        .server
        .post("/v1/api-keys", &json!({"name": "laptop", "permissions": ["auth.inviteMembers"]}))
        .bearer(&token)
        .await
        .expect(201);
    let open = "INSERT INTO removals SELECT id, tenant_id, user_id, 'client:test', now() FROM memberships";
    sqlx::raw_sql(open).execute(&world.platform.pool).await.unwrap();
    let waiting =
        "INSERT INTO login_challenges SELECT id, tenant_id, user_id, 1, 'x', 0, now(), now() FROM memberships";
    sqlx::raw_sql(waiting).execute(&world.platform.pool).await.unwrap();
    let provided =
        "INSERT INTO identity_providers (id, tenant_id, name, issuer, client_id, sealed_client_secret, enabled,
        created_at) SELECT id, tenant_id, 'x', 'x', 'x', 'x', true, now() FROM memberships";
    sqlx::raw_sql(provided).execute(&world.platform.pool).await.unwrap();
    let known = "INSERT INTO identities SELECT id, 'x', tenant_id, user_id, now() FROM memberships";
    sqlx::raw_sql(known).execute(&world.platform.pool).await.unwrap();
    let tables = [
        "tenants",
        "memberships",
        "invitations",
        "invitation_refusals",
        "sessions",
        "login_challenges",
        "refresh_tokens",
        "clients",
        "client_secrets",
        "api_keys",
        "removals",
        "audit",
        "audit_heads",
        "identity_providers",
        "identities",
    ];
    tenant_walls(&world.platform, &tables).await;
}
