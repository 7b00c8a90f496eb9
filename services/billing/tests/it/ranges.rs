//! Tests of what is used in a range of time: an answer reads so much and no more.

use crate::world::{Customer, World};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};

async fn usage(world: &World, ada: &Customer, from: DateTime<Utc>, until: DateTime<Utc>) -> test_support::TestAnswer {
    let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
    let path = format!("/v1/usage?from={}&until={}", text(from), text(until));
    world.server.get(&path).bearer(&ada.token).send().await
}

fn posts(usage: &Value) -> Vec<&str> {
    usage["meters"].as_array().unwrap().iter().map(|meter| meter["quantity"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn usage_is_that_of_a_range_and_a_longer_one_is_refused() {
    let world = World::start().await;
    let ada = world.customer_with_forum().await;
    let day = 86_400;
    world.say(&world.batch(&ada, &[("today", 1, day), ("earlier", 2, -10 * day), ("before", 4, -60 * day)])).await;
    world.metered(&ada, "3").await;
    let within = async |from: i64, until: i64| usage(&world, &ada, world.at(from), world.at(until)).await;
    assert_eq!(posts(&within(day, day + 1).await.expect(200)), ["1"]);
    assert_eq!(posts(&within(-10 * day, day).await.expect(200)), ["2"]);
    assert_eq!(posts(&within(-70 * day, -30 * day).await.expect(200)), ["4"]);
    let before = within(-day, 0).await.expect(200);
    assert_eq!(before, json!({"features": [], "meters": []}));
    within(-30 * day, 26 * day + 1).await.invalid(&["from"]);
    within(1, 1).await.invalid(&["from"]);
    let path = "/v1/usage?from=yesterday";
    world.server.get(path).bearer(&ada.token).send().await.invalid(&["from"]);
}

#[tokio::test]
async fn more_than_an_answer_may_read_or_show_is_refused_and_less_of_it_is_not() {
    let world = World::start().await;
    let ada = world.customer_with_forum().await;
    let fill = "INSERT INTO usage_event SELECT $1, lowest_id_at($3 + n * interval '1 ms'), n, 'forum', $2, \
                'forum.' || CASE WHEN n <= 1001 THEN n ELSE 0 END, n::text, 1, $3 + n * interval '1 ms', $3 \
                FROM generate_series(1, 1002) AS n";
    let start = world.at(10);
    sqlx::query(fill)
        .bind(ada.tenant.0)
        .bind(ada.instance.0)
        .bind(start)
        .execute(&world.platform.pool)
        .await
        .expect("many meters");
    usage(&world, &ada, start, start + Duration::seconds(2)).await.invalid(&["from"]);
    let less = usage(&world, &ada, start, start + Duration::milliseconds(1001)).await.expect(200);
    assert_eq!(less["meters"].as_array().map(Vec::len), Some(1000));
}

/// As the service's own role, for whom the wall is part of the plan.
#[tokio::test]
async fn a_short_range_is_found_by_its_time() {
    let world = World::start().await;
    let mut tx = world.platform.begin_across_tenants().await;
    let plan = "EXPLAIN SELECT quantity FROM usage_event WHERE tenant_id = '01900000-0000-7000-8000-000000000000'
                AND occurred_at >= now() - interval '1 hour' AND occurred_at < now()
                AND id >= lowest_id_at(now() - interval '2 days') LIMIT 1000001";
    sqlx::query("SET LOCAL enable_seqscan = off").execute(&mut *tx).await.unwrap();
    let plan: Vec<String> = sqlx::query_scalar(plan).fetch_all(&mut *tx).await.expect("a plan");
    assert!(plan.iter().any(|line| line.contains("occurred_at") && line.contains("Index Cond")), "{plan:#?}");
}
