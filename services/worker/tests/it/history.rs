//! What happened, as operators find it.

use crate::world::World;
use contracts::{
    envelope::Envelope,
    id::UserId,
    mails::Notice,
    messages::{FeatureEnabled, JobFinished, Message, RunJob, SendMail, TenantCreated, TenantKind},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use test_support::{TestServer, TestUser, eventually};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

async fn operator(world: &World, more: &[&str]) -> TestUser {
    world.platform.user(world.platform.tenant(), &[&["worker.readQueues"], more].concat()).await
}

/// Says it as a step of the trace.
async fn say<M: Message>(world: &World, data: &M) -> Envelope {
    let said = world.platform.envelope(Some(world.tenant), data);
    let said = Envelope { traceparent: Some(format!("00-{TRACE}-b7ad6b7169203331-01")), ..said };
    world.platform.publish_envelope(M::TOPIC, &said).await;
    said
}

async fn found(worker: &TestServer, who: &TestUser, query: &str) -> Vec<Value> {
    let page = worker.get(&format!("/v1/history?{query}")).bearer(&who.token).await.expect(200);
    page["items"].as_array().unwrap().clone()
}

/// Once there are as many.
async fn until_found(worker: &TestServer, who: &TestUser, query: &str, many: usize) -> Vec<Value> {
    eventually(&format!("{many} are found"), async || {
        let found = found(worker, who, query).await;
        (found.len() == many).then_some(found)
    })
    .await
}

fn created(world: &World) -> TenantCreated {
    TenantCreated {
        tenant_id: world.tenant,
        name: "Acme".into(),
        kind: TenantKind::Customer,
        owner_user_id: UserId(world.id()),
        owner_email: "ada@acme.example".into(),
    }
}

#[tokio::test]
async fn a_tenants_story_is_found_by_its_id_by_a_trace_and_by_words() {
    let (world, worker) = World::with_worker().await;
    let (reader, confidant) = (operator(&world, &[]).await, operator(&world, &["worker.readPayloads"]).await);
    let enabled = FeatureEnabled {
        instance_id: world.instance.id,
        service: "forum".into(),
        feature: "forum.polls".into(),
        host: "board.acme.example".into(),
        effective_at: world.platform.ambient.now(),
        version: Some("1.0.0".into()),
        generation: Some(2),
    };
    let (order, notice) = (world.migrate(), Notice { title: "Hello".into(), text: "https://example.com/in".into() });
    let mail =
        SendMail { key: "hello:1".into(), recipient: "ada@acme.example".into(), mail: notice.into(), expires_at: None };
    let first = say(&world, &created(&world)).await;
    say(&world, &enabled).await;
    say(&world, &order).await;
    world.ended(order.job_id).await;
    let last = say(&world, &mail).await;
    world.platform.publish_envelope(SendMail::TOPIC, &last).await;
    world.platform.publish(Some(world.platform.tenant()), &created(&world)).await;

    let tenant = format!("tenant_id={}", world.tenant);
    let story = until_found(&worker, &reader, &tenant, 5).await;
    let types: Vec<_> = story.iter().map(|said| said["type"].as_str().unwrap()).collect();
    let expected = [TenantCreated::TYPE, FeatureEnabled::TYPE, RunJob::TYPE, JobFinished::TYPE, SendMail::TYPE];
    assert_eq!(types, expected);
    assert_eq!(found(&worker, &reader, &format!("trace_id={TRACE}")).await, story);
    until_found(&worker, &reader, "", 6).await;

    for (query, expected) in [
        (format!("{tenant}&type={}", SendMail::TYPE), vec![4]),
        (format!("id={}", first.id), vec![0]),
        (format!("id={}", world.id()), vec![]),
        (format!("type={}", RunJob::TYPE), vec![2]),
        (format!("job_id={}", order.job_id), vec![2, 3]),
        (format!("text={TRACE}%20{}", SendMail::TYPE), vec![4]),
        (format!("text={}", world.instance.id.to_string().to_uppercase()), vec![1, 2, 3]),
        (format!("text=board.acme.example%20polls&trace_id={TRACE}"), vec![1]),
        ("text=hello:1".into(), vec![4]),
        ("text=ada".into(), vec![]),
        ("text=ada@acme.example".into(), vec![]),
        ("trace_id=ffffffffffffffffffffffffffffffff".into(), vec![]),
        (format!("{tenant}&until=2026-01-01T00:00:00Z"), vec![]),
        (format!("{tenant}&since=2026-01-01T00:00:00Z"), vec![0, 1, 2, 3, 4]),
    ] {
        let expected: Vec<_> = expected.into_iter().map(|index: usize| story[index].clone()).collect();
        assert_eq!(found(&worker, &reader, &query).await, expected, "{query}");
        assert_eq!(found(&worker, &confidant, &query).await.len(), expected.len(), "{query}");
    }
    assert_eq!(
        (&story[0]["data"]["owner_email"], &story[4]["data"]["variables"]),
        (&json!("[personal]"), &json!("[secret]"))
    );
    let told = found(&worker, &confidant, &tenant).await;
    assert_eq!(
        (&told[0]["data"]["owner_email"], &told[4]["data"]["variables"]),
        (&json!("ada@acme.example"), &json!("[secret]"))
    );

    let page = worker.get(&format!("/v1/history?{tenant}&limit=2")).bearer(&reader.token).await.expect(200);
    let next = format!("{tenant}&limit=200&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(found(&worker, &reader, &next).await, story[2..]);
    let long = format!("/v1/history?text={}", "x".repeat(501));
    worker.get(&long).bearer(&reader.token).await.invalid(&["text"]);
}

#[tokio::test]
async fn what_is_not_known_is_kept_without_its_data_and_nothing_is_buried() {
    let (world, worker) = World::with_worker().await;
    let reader = operator(&world, &["worker.readPayloads"]).await;
    let said = world.platform.envelope(Some(world.tenant), &created(&world));
    let (kind, data) = ("auth.tenant.celebrated.v1".to_owned(), json!({ "link": "https://example.com/in" }));
    let unheard = Envelope { kind, data, ..said };
    world.platform.publish_envelope(TenantCreated::TOPIC, &unheard).await;
    let found = until_found(&worker, &reader, &format!("id={}", unheard.id), 1).await;
    assert_eq!((&found[0]["cut"], found[0].get("data")), (&json!(true), None));
    let kept: String = sqlx::query_scalar("SELECT message_history::text FROM message_history")
        .fetch_one(&world.platform.pool)
        .await
        .unwrap();
    assert!(!kept.contains("example.com"), "{kept}");
}

#[tokio::test]
async fn jobs_are_found_by_words_of_their_order_and_of_their_end() {
    let (world, worker) = World::with_worker().await;
    let reader = operator(&world, &["worker.readJobs"]).await;
    let (one, other) = (RunJob { unique_key: Some("Nightly:7".into()), ..world.migrate() }, world.seed());
    for order in [&one, &other] {
        world.run(order).await;
        until_found(&worker, &reader, &format!("job_id={}", order.job_id), 2).await;
    }
    let jobs = async |query: &str| {
        let page = worker.get(&format!("/v1/jobs?{query}")).bearer(&reader.token).await.expect(200);
        let ids = page["items"].as_array().unwrap().iter().map(|job| job["id"].clone());
        ids.collect::<Vec<_>>()
    };
    let (one, other) = (json!(one.job_id), json!(other.job_id));
    for (query, expected) in [
        ("text=nightly".to_owned(), vec![&one]),
        ("text=NIGHTLY:7%20migrate".into(), vec![&one]),
        (format!("text={}", world.instance.id), vec![&one, &other]),
        ("text=succeeded%20seed".into(), vec![&other]),
        (format!("text=polls&tenant_id={}", world.tenant), vec![&one, &other]),
        (format!("text=polls&tenant_id={}", world.id()), vec![]),
        ("text=board".into(), vec![]),
        ("until=2026-01-01T00:00:00Z".into(), vec![]),
        ("since=2026-01-01T00:00:00Z&kind=instance.seed".into(), vec![&other]),
    ] {
        let found = jobs(&query).await;
        assert!(found.len() == expected.len() && expected.iter().all(|job| found.contains(job)), "{query}: {found:?}");
    }
    let long = format!("/v1/jobs?text={}", "x".repeat(501));
    worker.get(&long).bearer(&reader.token).await.invalid(&["text"]);
}

fn is_week(word: &str) -> bool {
    word.strip_prefix("message_history_").is_some_and(|day| day.chars().all(|c| c.is_ascii_digit()))
}

#[tokio::test]
async fn a_search_that_takes_long_is_refused_and_one_of_a_time_reads_its_weeks_only() {
    let (world, worker) = World::with_worker().await;
    let reader = operator(&world, &["worker.readJobs"]).await;
    let mut writer = world.platform.pool.begin().await.unwrap();
    let weeks = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'message_history'::regclass";
    assert!(sqlx::query_scalar::<_, i64>(weeks).fetch_one(&mut *writer).await.unwrap() >= 7);
    let plan = "EXPLAIN SELECT FROM message_history WHERE words @> '{forum}' AND id >= lowest_id_at(now()::timestamptz)
                AND id < lowest_id_at(now() + interval '1 minute')";
    let plan: Vec<String> = sqlx::query_scalar(plan).fetch_all(&mut *writer).await.unwrap();
    let read: BTreeSet<_> = plan.iter().flat_map(|line| line.split(' ')).filter(|word| is_week(word)).collect();
    assert!((1..=2).contains(&read.len()), "{plan:#?}");
    sqlx::query("LOCK TABLE message_history").execute(&mut *writer).await.unwrap();
    let (history, jobs) = tokio::join!(
        worker.get("/v1/history?text=forum").bearer(&reader.token),
        worker.get("/v1/jobs?text=forum").bearer(&reader.token),
    );
    history.problem(422, "search_too_wide");
    jobs.problem(422, "search_too_wide");
    writer.rollback().await.unwrap();
    assert_eq!(found(&worker, &reader, "text=forum").await, [] as [Value; 0]);
}
