//! Tests of the wall between tenants.

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

/// Whoever is not known yet may find out whose something is, and change nothing.
#[tokio::test]
async fn a_lookup_reads_every_tenant_and_cannot_write() {
    let (world, ada) = World::with_owner().await;
    world.owner().await;
    let begin = async || world.platform.db().begin_lookup().await.unwrap();
    let tenants = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM tenants").fetch_one(&mut *begin().await).await;
    assert_eq!(tenants.unwrap(), 2);
    for write in [
        "INSERT INTO tenants (id, kind, created_at) VALUES (gen_random_uuid(), 'customer', now())",
        "UPDATE tenants SET version = 9",
        "DELETE FROM grants",
    ] {
        let refused = sqlx::query(write).execute(&mut *begin().await).await.unwrap_err();
        let code = refused.as_database_error().and_then(|error| error.code());
        assert_eq!(code.as_deref(), Some("25006"), "{write}: read_only_sql_transaction");
    }
    world.get("/v1/grants", &ada).await.expect(200);
}
