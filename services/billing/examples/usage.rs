//! How fast billing takes usage from its queue: events a second, one a message and a thousand a message.
//! `cargo xtask bench usage` runs it, on PostgreSQL, Redis and an emulator of its own.

use billing::Billing;
use chrono::Duration;
use contracts::{
    envelope::{Envelope, source_of},
    id::{InstanceId, TenantId},
    messages::{Message, UsageBatchRecorded, UsageEvent},
    topology::Topic,
};
use rust_decimal::Decimal;
use std::time::Instant;
use test_support::{TestPlatform, eventually};

/// Events of a message, and messages.
const RUNS: [(usize, usize); 3] = [(1, 2_000), (100, 200), (UsageBatchRecorded::MOST_EVENTS, 40)];
const INTERVAL: &str = "
    INSERT INTO usage_interval (id, tenant_id, instance_id, service, feature, host, begin_at, billed_until)
    VALUES ($1, $2, $3, 'forum', 'forum', 'acme.forum.localhost', now() - interval '1 day', now() - interval '1 day')";

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the table is what it is for")]
async fn main() {
    println!("| events a message | messages | events/s | of one by one |\n| --- | --- | --- | --- |");
    let mut floor = None;
    for (events, messages) in RUNS {
        let rate = measure(events, messages).await;
        let floor = *floor.get_or_insert(rate);
        println!("| {events} | {messages} | {rate:.0} | {:.1} |", rate / floor);
    }
}

/// Events a second, from the start of the service with a full queue to the last row.
async fn measure(events: usize, messages: usize) -> f64 {
    let platform = TestPlatform::of::<Billing>().await;
    let (tenant, instance) = (platform.tenant(), InstanceId(platform.ambient.uuid()));
    let interval = sqlx::query(INTERVAL).bind(platform.ambient.uuid()).bind(tenant.0).bind(instance.0);
    interval.execute(&platform.pool).await.expect("an instance in use");
    let said: Vec<_> = (0..messages).map(|number| said(&platform, tenant, instance, number * events, events)).collect();
    for some in said.chunks(100) {
        let sent = platform.aws.publisher().publish_batch(some).await;
        assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    }
    let (started, all) = (Instant::now(), (events * messages) as i64);
    let _server = platform.run::<Billing>(platform.env()).await;
    eventually("all usage is kept", async || {
        let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM usage_event").fetch_one(&platform.pool).await;
        (count.expect("counting") == all).then_some(())
    })
    .await;
    all as f64 / started.elapsed().as_secs_f64()
}

fn said(
    platform: &TestPlatform,
    tenant: TenantId,
    instance_id: InstanceId,
    first: usize,
    events: usize,
) -> (Topic, Envelope) {
    let event = |number: usize| UsageEvent {
        meter: "forum.posts".into(),
        key: format!("posts:{number}"),
        quantity: Decimal::ONE,
        occurred_at: platform.ambient.now() - Duration::hours(1),
    };
    let data = UsageBatchRecorded {
        instance_id,
        service: "forum".into(),
        events: (first..first + events).map(event).collect(),
    };
    let envelope = Envelope { source: source_of("forum"), ..platform.envelope(Some(tenant), &data) };
    (UsageBatchRecorded::TOPIC, envelope)
}
