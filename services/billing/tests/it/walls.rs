//! Tests of the wall between tenants.

use crate::{accounts, world::World};
use test_support::tenant_walls;

#[tokio::test]
async fn tenants_are_walled_off() {
    let world = World::start().await;
    world.publish_forum().await;
    let (ada, early) = (world.customer().await, world.customer().await);
    world.say(&world.posts(&early, "posts:1", 1, 10)).await;
    world.counted("SELECT count(*) FROM usage_parked", 1).await;
    for envelope in
        [world.enabled(&ada, "forum", 0), world.disabled(&ada, "forum", 3600), world.posts(&ada, "posts:1", 1, 10)]
    {
        world.say(&envelope).await;
    }
    world.features(&ada, &[("forum", 0, Some(3600))]).await;
    world.metered(&ada, "1").await;
    world.close(&ada, &ada.cycle).await;
    let discrepancy = "INSERT INTO feature_discrepancy SELECT gen_random_uuid(), tenant_id, instance_id, service, \
                       feature, 'instance_not_there', begin_at, NULL, 'suspected', now() FROM usage_interval";
    sqlx::query(discrepancy).execute(&world.platform.pool).await.expect("a discrepancy");
    world.counted("SELECT count(*) FROM invoice_payment", 1).await;
    accounts::edit(&world, &ada, "*", &accounts::body()).await.expect(200);
    let method =
        "INSERT INTO payment_method (tenant_id, customer_id, customers, updated_at) VALUES ($1, 'cus_1', 1, now())";
    let removed = "INSERT INTO payment_method_detachment VALUES ('pm_1', $1, now(), now() + interval '1 day', 0)";
    for sql in [method, removed] {
        sqlx::query(sql).bind(ada.tenant.0).execute(&world.platform.pool).await.expect("a payment method");
    }
    let tables = [
        "payment_method",
        "payment_method_detachment",
        "feature_discrepancy",
        "account",
        "account_details",
        "cycle",
        "usage_interval",
        "feature_end",
        "usage_event",
        "usage_parked",
        "invoice",
        "invoice_line",
        "invoice_line_interval",
        "invoice_payment",
    ];
    tenant_walls(&world.platform, &tables).await;
}
