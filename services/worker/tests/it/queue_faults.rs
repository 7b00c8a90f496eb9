//! The console of queues when something is wrong: with a request, with SQS or with Redis, or with one dead letter.

use crate::{
    desk::{Desk, body},
    world::World,
};
use contracts::consumers;
use redis::AsyncTypedCommands;
use reqwest::Method;
use serde_json::{Value, json};
use test_support::eventually;

/// Bodies that together are more than one request goes through.
const LARGE: usize = 240 << 10;
const MANY: usize = 60;

/// Every operation on a queue, with a body that it takes.
fn operations() -> Vec<(Method, &'static str, Value)> {
    let (get, post) = (|path| (Method::GET, path, Value::Null), |path, body| (Method::POST, path, body));
    vec![
        get("/v1/queues"),
        get("/v1/queues/billing"),
        get("/v1/queues/billing/messages"),
        get("/v1/queues/billing/dead-letters"),
        get("/v1/queues/billing/dead-letters/1"),
        get("/v1/queues/billing/dead-letter-groups"),
        post("/v1/queues/billing/pause", json!({})),
        post("/v1/queues/billing/resume", json!({})),
        post("/v1/queues/billing/redrive", json!({ "all": true })),
        post("/v1/queues/billing/dead-letters/1/redrive", json!({})),
        post("/v1/queues/billing/dead-letters/1/edit", json!({ "data": {} })),
        (Method::DELETE, "/v1/queues/billing/dead-letters/1", Value::Null),
    ]
}

#[tokio::test]
async fn every_operation_says_so_while_sqs_cannot_be_asked() {
    let world = World::start().await;
    let mut elsewhere = world.env();
    // There are no queues with this prefix.
    elsewhere.insert("RESOURCE_PREFIX".into(), format!("{}-gone", world.platform.name));
    let worker = world.platform.run::<worker::Worker>(elsewhere).await;
    let permissions = ["worker.readQueues", "worker.writeQueues"];
    let operator = world.platform.user(world.platform.tenant(), &permissions).await;
    let mut written = 0;
    for (method, path, body) in operations() {
        let request = worker.request(method.clone(), path).bearer(&operator.token);
        let request = if body.is_null() { request } else { request.body("application/json", body.to_string()) };
        let answer = request.await;
        assert!(answer.header("retry-after").is_some(), "{method} {path}: {}", answer.status);
        answer.problem(503, "unavailable");
        // An edit looks at the letter before it begins.
        written += usize::from(method != Method::GET && !path.ends_with("/edit"));
    }
    let actions = worker.get("/v1/queue-actions").bearer(&operator.token).await.expect(200);
    let outcomes: Vec<_> = actions["items"].as_array().unwrap().iter().map(|action| &action["outcome"]).collect();
    assert_eq!(outcomes, vec!["failed"; written], "what could not be done is written down");
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_and_nothing_is_done() {
    let desk = Desk::open().await;
    let post = async |path: &str, body: Value| {
        desk.worker.post(&format!("/v1/queues/billing{path}"), &body).bearer(&desk.writer.token).await
    };
    post("/redrive", json!({ "ids": vec!["1"; 1001] })).await.invalid(&["ids"]);
    for (path, unfit) in [
        ("/redrive", json!({ "ids": 7 })),
        ("/redrive", json!([])),
        ("/dead-letters/1/edit", json!({})),
        ("/dead-letters/1/edit", json!("data")),
    ] {
        let answer = post(path, unfit.clone()).await;
        assert_eq!(answer.status, 422, "{path} {unfit}");
    }
    for path in [
        "/v1/queues/billing/dead-letters?tenant_id=acme",
        "/v1/queue-actions?limit=0",
        "/v1/queue-actions?since=yesterday",
        "/v1/history?cursor=x",
        "/v1/history?id=7",
        "/v1/history?since=yesterday",
    ] {
        let answer = desk.worker.get(path).bearer(&desk.writer.token).await;
        assert_eq!(answer.status, 422, "{path}");
    }
    for (path, code) in [("redrive", "dead_letter_not_found"), ("edit", "dead_letter_not_found")] {
        let body = json!({ "data": {} });
        post(&format!("/dead-letters/gone/{path}"), body).await.problem(404, code);
    }
    let actions = desk.get("/v1/queue-actions").await;
    let done = actions["items"].as_array().unwrap().iter().flat_map(|action| action.get("messages"));
    assert_eq!(done.count(), 0, "{actions}");
}

#[tokio::test]
async fn queues_are_shown_while_redis_cannot_tell_of_their_consumers() {
    let (world, worker) = World::with_worker().await;
    let operator = world.platform.user(world.platform.tenant(), &["worker.readQueues"]).await;
    let shown = async || worker.get("/v1/queues/worker").bearer(&operator.token).await.expect(200);
    let heard = async |many: usize| {
        eventually("its consumer is heard of", async || {
            (shown().await["work"]["consumers"].as_array().map(Vec::len) == Some(many)).then_some(())
        })
        .await;
    };
    heard(1).await;
    let (now, mut redis) = (world.platform.ambient.now().timestamp() / 60, world.platform.redis.clone());
    let keys = (-1..=2).map(|minute| consumers::key(&world.platform.redis_prefix(), "worker", "worker", now + minute));
    let keys: Vec<_> = keys.collect();
    for key in &keys {
        redis.set(key, "no hash").await.unwrap();
    }
    let queue = shown().await;
    assert_eq!((queue.get("work"), &queue["waiting"]), (None, &json!(0)), "{queue}");
    redis.del(&keys).await.unwrap();
    heard(1).await;
}

#[tokio::test]
async fn a_redrive_that_breaks_off_is_written_down_and_loses_nothing() {
    let desk = Desk::open().await;
    let (small, large) = (["a", "b"].map(|name| desk.created(name)), desk.created(&"long ".repeat(1000)));
    desk.bury("billing", &[body(&small[0]), body(&small[1]), body(&large)]).await;
    let aws = &desk.world.platform.aws;
    let url = aws.queue_url(&aws.queue_name("billing")).await.unwrap();
    let limit = |bytes: &str| {
        let call = aws.sqs.set_queue_attributes().queue_url(&url);
        call.attributes("MaximumMessageSize".into(), bytes).send()
    };
    limit("2048").await.unwrap();
    let redrive = async || {
        let all = desk.worker.post("/v1/queues/billing/redrive", &json!({ "all": true }));
        all.bearer(&desk.writer.token).await
    };
    redrive().await.problem(422, "message_refused");
    let depth = async |waiting: u64, dead: u64| {
        eventually("all are somewhere", async || {
            let queue = desk.get("/v1/queues/billing").await;
            (queue["waiting"] == waiting && queue["dead"] == dead).then_some(())
        })
        .await;
    };
    depth(2, 1).await;
    let actions = desk.get("/v1/queue-actions?queue=billing").await;
    let action = &actions["items"][0];
    assert_eq!((&action["action"], &action["outcome"]), (&json!("redrive"), &json!("failed")));
    let sent: Vec<_> = action["messages"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(sent.len() == 2 && small.iter().all(|said| sent.contains(&&*said.id.to_string())), "{action}");
    limit("262144").await.unwrap();
    assert_eq!(redrive().await.expect(200)["ids"].as_array().unwrap().len(), 1);
    depth(3, 0).await;
}

#[tokio::test]
async fn more_dead_letters_than_one_request_goes_through_are_sent_back_by_several() {
    let desk = Desk::open().await;
    let aws = &desk.world.platform.aws;
    let url = aws.queue_url(&aws.dead_queue_name("billing")).await.unwrap();
    let large = "x".repeat(LARGE);
    for _ in 0..MANY {
        aws.sqs.send_message().queue_url(&url).message_body(&large).send().await.unwrap();
    }
    let seen = desk.get("/v1/queues/billing/dead-letters").await;
    let shown = seen["items"].as_array().unwrap().len();
    assert!(seen["more"] == true && shown < MANY, "{shown} of {MANY}");
    let groups = desk.get("/v1/queues/billing/dead-letter-groups").await;
    assert_eq!((&groups["more"], groups["items"].as_array().unwrap().len()), (&json!(true), 1));
    let one = desk.worker.get("/v1/queues/billing/dead-letters/gone").bearer(&desk.reader.token).await;
    one.problem(409, "too_many_dead_letters");
    let mut sent = 0;
    let sent = eventually("all are sent back", async || {
        let all = desk.worker.post("/v1/queues/billing/redrive", &json!({ "all": true }));
        let all = all.bearer(&desk.writer.token).await.expect(200);
        sent += all["ids"].as_array().unwrap().len();
        (all["more"] == false).then_some(sent)
    })
    .await;
    assert_eq!(sent, MANY);
    eventually("all wait", async || (desk.get("/v1/queues/billing").await["waiting"] == MANY).then_some(())).await;
}
