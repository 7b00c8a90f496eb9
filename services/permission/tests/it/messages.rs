//! Tests of messages, however often and in whatever order they come.

use crate::support::{World, principal, tenant_created};
use contracts::{messages::TenantKind, topology::Topic};
use serde_json::json;
use test_support::eventually;

#[tokio::test]
async fn a_message_takes_effect_once_however_often_it_comes() {
    let world = World::start().await;
    let founder = world.stranger(world.platform.tenant()).await;
    let envelope = world.platform.envelope(Some(founder.tenant), &tenant_created(&founder, TenantKind::Customer));
    for _ in 0..3 {
        world.platform.publish_envelope(Topic::AuthEvents, &envelope).await;
    }
    world.until_allowed("/v1/grants", &founder).await;
    // The same fact, said again under another id.
    world.platform.publish(Some(founder.tenant), &tenant_created(&founder, TenantKind::Customer)).await;
    world.member(founder.tenant).await;
    world.counted("SELECT count(*) FROM inbox_messages", 3).await;
    assert_eq!(world.count("SELECT count(*) FROM grants").await, 2);
    assert_eq!(world.grants_of(&founder, &founder, "owner").await.len(), 1);
}

#[tokio::test]
async fn a_repeated_foundation_gives_back_nothing_that_was_revoked() {
    let (world, ada) = World::with_owner().await;
    let bob = world.member(ada.tenant).await;
    world.give(&ada, &principal(&bob), json!({"role": "owner"})).await;
    world.revoke_role(&bob, &ada, "owner").await.expect(204);
    world.platform.publish(Some(ada.tenant), &tenant_created(&ada, TenantKind::Customer)).await;
    world.counted("SELECT count(*) FROM inbox_messages", 3).await;
    assert_eq!(world.permissions(&ada).await, [""; 0]);
}

#[tokio::test]
async fn a_member_who_comes_before_the_tenant_is_not_lost() {
    let world = World::start().await;
    let founder = world.stranger(world.platform.tenant()).await;
    let bob = world.stranger(founder.tenant).await;
    world.say_joined(&bob, None).await;
    world.platform.publish(Some(founder.tenant), &tenant_created(&founder, TenantKind::Customer)).await;
    world.until_allowed("/v1/grants", &founder).await;
    eventually("the member is one", async || world.grants_of(&founder, &bob, "member").await.pop()).await;
}

#[tokio::test]
async fn members_hold_what_lists_them_and_a_record_made_too_early_is_forgotten() {
    let (world, ada) = World::with_owner().await;
    let list = json!([{"name": "permission.readRoles", "text": "x", "roles": ["member"]},
        {"name": "permission.readGrants", "text": "x"}]);
    let bob = world.stranger(ada.tenant).await;
    world.register("permission", list).await.expect(204);
    world.get("/v1/roles", &bob).await.problem(403, "permission_missing");
    world.say_joined(&bob, None).await;
    world.until_allowed("/v1/roles", &bob).await;
    assert_eq!(world.permissions(&bob).await, ["permission.readRoles"], "{}", principal(&bob));
}
