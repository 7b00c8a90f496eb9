//! The walls between tenants.

use crate::world::World;
use test_support::tenant_walls;

#[tokio::test]
async fn tenants_are_walled_off() {
    let (world, _worker) = World::with_worker().await;
    world.run(&world.migrate()).await;
    tenant_walls(&world.platform, &["jobs", "job_log", "job_days", "message_history"]).await;
}
