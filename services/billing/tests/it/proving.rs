//! Tests of proofs: a cycle that is what its raw rows say is proved, and each fault is found.

use crate::world::{Customer, World};
use serde_json::{Value, json};
use test_support::eventually;

/// A closed cycle of an hour of the forum and three posts, at half the price, of which a credit pays two cents.
async fn closed(world: &World) -> Customer {
    let ada = world.customer().await;
    for envelope in
        [world.enabled(&ada, "forum", 0), world.disabled(&ada, "forum", 3600), world.posts(&ada, "posts:1", 3, 10)]
    {
        world.say(&envelope).await;
    }
    world.features(&ada, &[("forum", 0, Some(3600))]).await;
    world.metered(&ada, "3").await;
    for (what, body) in [
        ("discounts", json!({"title": "Half", "percent": "50"})),
        ("credits", json!({"title": "Two cents", "amount_minor": 2, "currency": "EUR"})),
    ] {
        let path = format!("/v1/tenants/{}/{what}", ada.tenant);
        world.server.post(&path, &body).bearer(&ada.token).send().await.expect(201);
    }
    world.close(&ada, &ada.cycle).await;
    ada
}

/// The cycle after a proof that began now.
async fn prove(world: &World, ada: &Customer) -> Value {
    let path = format!("/v1/cycles/{}", ada.cycle);
    let before = world.server.post(&format!("{path}/prove"), &()).bearer(&ada.token).send().await.expect(202);
    eventually("the cycle is proved", async || {
        let cycle = world.get(&ada.token, &path).await;
        (cycle["proved_at"].is_string() && cycle["proved_at"] != before["proved_at"]).then_some(cycle)
    })
    .await
}

#[tokio::test]
async fn what_is_right_is_proved_and_each_fault_is_found() {
    let metrics = common::telemetry::metrics();
    let world = World::start().await;
    world.publish_forum().await;
    for (fault, sql) in [
        ("total_differs", "UPDATE invoice SET total_minor = total_minor + 1 WHERE tenant_id = $1"),
        ("total_differs", "UPDATE invoice_adjustment SET amount_minor = -1 WHERE tenant_id = $1 AND kind = 'credit'"),
        ("credit_overdrawn", "UPDATE credit SET amount_minor = 1 WHERE tenant_id = $1"),
        ("adjustments_differ", "UPDATE discount SET percent = 60 WHERE tenant_id = $1"),
        ("inputs_differ", "UPDATE invoice_line SET input_count = 7 WHERE tenant_id = $1 AND rate_kind = 'meter'"),
        ("time_differs", "UPDATE invoice_line_interval SET until_at = until_at + interval '1 s' WHERE tenant_id = $1"),
        ("events_differ", "UPDATE usage_event SET quantity = 4 WHERE tenant_id = $1"),
        ("invoice_missing", "UPDATE invoice SET cycle_id = gen_random_uuid() WHERE tenant_id = $1"),
    ] {
        let ada = closed(&world).await;
        assert_eq!(prove(&world, &ada).await.get("proof_faults"), None);
        let mut conn = world.platform.pool.acquire().await.expect("a connection");
        sqlx::query("SET session_replication_role = replica").execute(&mut *conn).await.expect("no triggers");
        sqlx::query(sql).bind(ada.tenant.0).execute(&mut *conn).await.expect("a fault");
        conn.close().await.expect("triggers again");
        assert_eq!(prove(&world, &ada).await["proof_faults"], json!([fault]));
    }
    eventually("the gauge tells of all", async || metrics.render().contains("cycles_faulty 8").then_some(())).await;
}

#[tokio::test]
async fn only_what_is_closed_is_proved() {
    let (world, ada) = World::with_customer().await;
    let path = format!("/v1/cycles/{}/prove", ada.cycle);
    world.server.post(&path, &()).bearer(&ada.token).send().await.problem(409, "cycle_not_closed");
}
