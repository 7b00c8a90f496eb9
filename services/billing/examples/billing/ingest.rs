//! Usage over HTTP, 1,000 events a request, beside the same rows inserted by bare SQL.

use crate::{Account, accounts};
use billing::Billing;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::json;
use std::time::Instant;
use test_support::TestPlatform;
use uuid::Uuid;

const EVENTS: usize = 1_000;
const REQUESTS: usize = 400;
/// Requests, or statements, at once.
const CALLERS: usize = 4;
const TABLE: &str = "
    CREATE TABLE floor (tenant_id uuid, service text, key text, instance_id uuid, meter text, quantity numeric,
        occurred_at timestamptz, PRIMARY KEY (tenant_id, service, key))";
const INSERT: &str = "
    INSERT INTO floor SELECT $1, 'forum', key, $2, 'forum.posts', quantity, at
    FROM UNNEST($3::text[], $4::numeric[], $5::timestamptz[]) AS g (key, quantity, at) ON CONFLICT DO NOTHING";

#[expect(clippy::print_stdout, reason = "the table is what it is for")]
pub async fn measure() {
    let platform = TestPlatform::of::<Billing>().await;
    let account = accounts(&platform, 1).await[0];
    sqlx::raw_sql(TABLE).execute(&platform.pool).await.expect("a table");
    let floor = rate(async |number| insert(&platform, account, number).await).await;
    let server = platform.run::<Billing>(platform.env()).await;
    let (http, token) = (reqwest::Client::new(), platform.client_token("forum"));
    let url = format!("{}/internal/usage-batches", server.url);
    let bodies: Vec<_> = (0..REQUESTS).map(|number| body(&platform, account, number)).collect();
    let ours = rate(async |number| {
        let request = http.post(&url).bearer_auth(&token).header("content-type", "application/json");
        let answer = request.body(bodies[number].clone()).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status == 200 && text.matches("\"accepted\"").count() == EVENTS, "{status} {text}");
    })
    .await;
    println!(
        "| events over HTTP, {EVENTS} a request | {ours:.0} | {floor:.0} inserted by bare SQL ({:.2}) | 50000 |",
        ours / floor
    );
}

/// Events a second, with `CALLERS` at once.
async fn rate(call: impl AsyncFn(usize)) -> f64 {
    let started = Instant::now();
    let caller = async |first: usize| {
        for number in (first..REQUESTS).step_by(CALLERS) {
            call(number).await;
        }
    };
    futures_util::future::join_all((0..CALLERS).map(caller)).await;
    (REQUESTS * EVENTS) as f64 / started.elapsed().as_secs_f64()
}

fn keys(number: usize) -> impl Iterator<Item = String> {
    (number * EVENTS..(number + 1) * EVENTS).map(|event| format!("posts:{event}"))
}

async fn insert(platform: &TestPlatform, account: Account, number: usize) {
    let keys: Vec<_> = keys(number).collect();
    let (quantities, times) = (vec![Decimal::ONE; EVENTS], vec![platform.ambient.now(); EVENTS]);
    let insert = sqlx::query(INSERT).bind::<Uuid>(account.tenant.0).bind::<Uuid>(account.instance.0).bind(&keys);
    insert.bind(&quantities).bind::<&Vec<DateTime<Utc>>>(&times).execute(&platform.pool).await.expect("rows");
}

fn body(platform: &TestPlatform, account: Account, number: usize) -> String {
    let now = platform.ambient.now();
    let event = |key| json!({"meter": "forum.posts", "key": key, "quantity": "1", "occurred_at": now});
    let events: Vec<_> = keys(number).map(event).collect();
    json!({"tenant_id": account.tenant, "instance_id": account.instance, "events": events}).to_string()
}
