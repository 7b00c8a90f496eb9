//! Tests of cycles that end by themselves, and of those that cannot be closed.

use crate::{
    closing::{explain, summary},
    world::{Customer, World},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::HashSet;
use test_support::eventually;

/// Ends the customer's open cycle at that second, as if that had been planned, and makes it due.
async fn due(world: &World, customer: &Customer, second: i64) {
    let sql = "UPDATE cycle SET end_at = $2, due_at = $3 WHERE tenant_id = $1 AND state = 'open'";
    let update = sqlx::query(sql).bind(customer.tenant.0).bind(world.at(second)).bind(world.platform.ambient.now());
    update.execute(&world.platform.pool).await.unwrap();
    // It wakes a closer.
    let wake = format!("/v1/cycles/{}/close", world.customer().await.cycle);
    world.server.post(&wake, &()).bearer(&customer.token).send().await.expect(202);
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).expect("a moment")
}

#[tokio::test]
async fn a_cycle_ends_by_itself_and_what_was_told_before_its_end_is_on_the_next_invoice() {
    let world = World::start().await;
    world.publish_forum().await;
    let ada = world.customer_with_forum().await;
    world.say(&world.posts(&ada, "within", 2, 100)).await;
    // Told while the cycle has ended and is not cut yet.
    world.say(&world.posts(&ada, "after", 4, 7200)).await;
    world.metered(&ada, "6").await;
    due(&world, &ada, 3600).await;
    let first = world.invoice(&ada, &ada.cycle).await;
    assert_eq!(summary(&first), [("forum", "1", "hour", 36), ("forum.posts", "2", "post", 1)]);
    assert_eq!(time(&first["period_end"]), world.at(3600));
    world.metered(&ada, "4").await;

    let next = world.open_cycle(ada.tenant, &ada.token).await;
    let open = world.get(&ada.token, &format!("/v1/cycles/{next}")).await;
    let (start, end) = (time(&open["start_at"]), time(&open["end_at"]));
    assert_eq!(start, world.at(3600));
    let days = (end - start).num_days();
    assert!((20..=51).contains(&days) && end.format("%d %T").to_string() == "01 00:00:00", "{end}");

    world.say(&world.posts(&ada, "late", 8, 200)).await;
    world.metered(&ada, "12").await;
    let second = world.close(&ada, &next).await;
    let posts = summary(&second).into_iter().filter(|line| line.0 == "forum.posts").collect::<Vec<_>>();
    assert_eq!(posts, [("forum.posts", "8", "post", 4), ("forum.posts", "4", "post", 2)]);
    explain(&world, &ada, &first).await;
    explain(&world, &ada, &second).await;
}

#[tokio::test]
async fn a_cycle_that_cannot_be_closed_is_parked_and_tried_again_and_the_others_go_on() {
    let (world, ada) = World::with_prices().await;
    let eve = world.customer_with_forum().await;
    world.say(&world.enabled(&ada, "forum", 0)).await;
    for number in 0..9 {
        world.say(&world.posts(&ada, &format!("many:{number}"), 1, 10 + number)).await;
    }
    world.metered(&ada, "9").await;
    // As it was taken before there was a bound.
    let mut conn = world.platform.pool.acquire().await.unwrap();
    let large = "SET session_replication_role = replica; UPDATE usage_event SET quantity = 9223372036854775807";
    sqlx::raw_sql(large).execute(&mut *conn).await.unwrap();
    world.metered(&ada, "83010348331692982263").await;
    let path = format!("/v1/cycles/{}", ada.cycle);
    let close = async || world.server.post(&format!("{path}/close"), &()).bearer(&ada.token).send().await;
    close().await.expect(202);
    let parked = async || {
        let cycle = world.get(&ada.token, &path).await;
        (cycle["parked_reason"] == "too_large").then_some(cycle)
    };
    let cycle = eventually("the cycle is parked", parked).await;
    let usage = world.get(&ada.token, "/v1/usage").await;
    let because = |what: &str| usage[what][0]["unbilled_because"].clone();
    assert_eq!((because("meters"), because("features")), ("cycle_parked".into(), "cycle_parked".into()));
    assert_eq!(
        (&cycle["state"], &cycle["due_at"], &cycle["invoice_id"]),
        (&"closing".into(), &Value::Null, &Value::Null)
    );
    assert_eq!(summary(&world.close(&eve, &eve.cycle).await)[0].0, "forum");
    // The next cycle waits for this one.
    let next = world.open_cycle(ada.tenant, &ada.token).await;
    let after = format!("/v1/cycles/{next}/close");
    world.server.post(&after, &()).bearer(&ada.token).send().await.expect(202);

    close().await.expect(202);
    eventually("it is parked again", parked).await;
    let next = world.get(&ada.token, &format!("/v1/cycles/{next}")).await;
    assert_eq!((&next["state"], &next["invoice_id"]), (&"closing".into(), &Value::Null));
    // Somebody looks, and gives it another price.
    sqlx::raw_sql("UPDATE rate SET charge = jsonb_set(charge, '{price}', '\"0.0000001\"') WHERE kind = 'meter'")
        .execute(&mut *conn)
        .await
        .unwrap();
    close().await.expect(202);
    assert_eq!(summary(&world.invoice(&ada, &ada.cycle).await)[1].3, 830_103_483_316_930);
    world.invoice(&ada, next["id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn closers_of_several_processes_make_each_invoice_once_and_their_numbers_have_no_gap() {
    let (world, ada) = World::with_prices().await;
    let _others = [world.platform.run::<billing::Billing>(world.platform.env()).await];
    let mut customers = vec![ada];
    for _ in 0..24 {
        customers.push(world.customer().await);
    }
    let all = "UPDATE cycle SET end_at = start_at, due_at = $1";
    sqlx::query(all).bind(world.platform.ambient.now()).execute(&world.platform.pool).await.unwrap();
    let mut numbers = HashSet::new();
    for customer in &customers {
        let path = format!("/v1/cycles/{}/close", customer.cycle);
        world.server.post(&path, &()).bearer(&customer.token).send().await;
        numbers.insert(world.invoice(customer, &customer.cycle).await["number"].as_str().unwrap().to_owned());
    }
    assert_eq!(numbers, (1..=25).map(|number| format!("{number:08}")).collect());
    assert_eq!(world.count("SELECT count(*) FROM invoice").await, 25);
}
