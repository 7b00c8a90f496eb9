//! Does another tenant's transaction see or write anything here?

use crate::support::World;
use serde_json::json;
use test_support::tenant_walls;

#[tokio::test]
async fn tenants_are_walled_off() {
    let (world, ada) = World::with_owner().await;
    let bob = world.member(ada.tenant).await;
    world.role(&ada, "reader", &["permission.readGrants"], &["member"]).await;
    world.group(&ada, "readers", &[&bob]).await;
    let tables = [
        "tenants",
        "roles",
        "role_permissions",
        "role_includes",
        "role_versions",
        "groups",
        "group_members",
        "grants",
        "audit",
        "principals",
    ];
    tenant_walls(&world.platform, &tables).await;
}

/// A built-in role belongs to nobody, so everybody may read it and only the platform may write it.
#[tokio::test]
async fn built_in_roles_are_seen_by_every_tenant() {
    let (world, ada) = World::with_owner().await;
    let roles = world.get("/v1/roles", &ada).await.expect(200);
    let names: Vec<_> = roles["items"].as_array().unwrap().iter().map(|role| role["name"].clone()).collect();
    assert_eq!(names, [json!("owner"), json!("member")]);
}
