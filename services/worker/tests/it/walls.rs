//! The walls between tenants.

use crate::{kinds::Echo, world::World};
use test_support::{eventually, tenant_walls};

#[tokio::test]
async fn tenants_are_walled_off() {
    let (world, _worker) = World::with_worker().await;
    world.run(&world.order(&Echo { text: "hello".into() })).await;
    eventually("the order and its end are kept", async || {
        let kept = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM message_history");
        (kept.fetch_one(&world.platform.pool).await.unwrap() == 2).then_some(())
    })
    .await;
    tenant_walls(&world.platform, &["jobs", "job_log", "job_days", "message_history"]).await;
}
