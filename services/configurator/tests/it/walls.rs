//! Row-level security: no other tenant's transaction sees or writes anything.

use crate::{support::start, suspension::suspend};
use test_support::tenant_walls;

#[tokio::test]
async fn tenants_are_walled_off() {
    let fixture = start().await;
    fixture.requested("acme.forum.localhost", &["polls"]).await;
    suspend(&fixture, 1).await;
    let tables = ["instances", "instance_modules", "instance_secrets", "tenant_suspensions"];
    tenant_walls(&fixture.platform, &tables).await;
}
