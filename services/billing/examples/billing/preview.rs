//! The preview of a running cycle, beside the sum of its events by bare SQL.

use crate::{accounts, closing::use_it, publish};
use billing::Billing;
use serde_json::json;
use std::time::Instant;
use test_support::TestPlatform;

/// The most that a preview reads.
const EVENTS: i64 = 100_000;
/// The median of so many counts.
const TIMES: usize = 9;
const SUM: &str = "SELECT sum(quantity), count(*), max(occurred_at) FROM usage_event WHERE tenant_id = $1";

#[expect(clippy::print_stdout, reason = "the table is what it is for")]
pub async fn measure() {
    let platform = TestPlatform::of::<Billing>().await;
    publish(&platform).await;
    let account = accounts(&platform, 1).await;
    use_it(&platform, &account, EVENTS).await;
    let tenant = account[0].tenant;
    let floor = median(async || {
        sqlx::query(SUM).bind(tenant.0).execute(&platform.pool).await.expect("a sum");
    })
    .await;
    let server = platform.run::<Billing>(platform.env()).await;
    let ada = platform.user(tenant, &["billing.readInvoices"]).await;
    let ours = median(async || {
        let preview = server.post("/v1/invoice-previews", &json!({"features": []})).bearer(&ada.token).send().await;
        assert_eq!(preview.expect(200)["lines"].as_array().map(Vec::len), Some(2));
    })
    .await;
    println!(
        "| previews of {EVENTS} events | {:.1} ({ours:.0} ms) | {floor:.0} ms summed by bare SQL | 200 ms |",
        1e3 / ours
    );
}

/// Milliseconds.
async fn median(call: impl AsyncFn()) -> f64 {
    let mut took = Vec::new();
    for _ in 0..TIMES {
        let started = Instant::now();
        call().await;
        took.push(started.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    took[TIMES / 2]
}
