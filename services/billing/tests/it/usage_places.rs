//! Tests of reads that take the database long: they end, and leave room for others.

use crate::world::World;

#[tokio::test]
async fn a_read_that_takes_long_is_ended_and_a_tenant_has_no_more_than_its_places() {
    let (world, ada) = World::with_prices().await;
    let read = async || world.server.get("/v1/usage").bearer(&ada.token).send().await;
    let mut hold = world.platform.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE usage_interval").execute(&mut *hold).await.unwrap();
    let three = async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity
            WHERE wait_event_type = 'Lock' AND query LIKE '%FROM usage_interval i%'";
        world.counted(waiting, 2).await;
        read().await
    };
    let (one, two, three) = tokio::join!(read(), read(), three());
    for refused in [one, two, three] {
        assert_eq!(refused.header("retry-after"), Some("5"));
        refused.problem(503, "unavailable");
    }
    hold.rollback().await.unwrap();
    read().await.expect(200);
}
