//! Tests of usage that products send over HTTP.

use crate::world::{Customer, World};
use serde_json::{Value, json};

const PATH: &str = "/internal/usage-batches";

pub fn batch(world: &World, ada: &Customer, posts: &[(&str, &str, i64)]) -> Value {
    let event = |(key, quantity, second): &(&str, &str, i64)| json!({"meter": "forum.posts", "key": key, "quantity": quantity, "occurred_at": world.at(*second)});
    let events: Vec<_> = posts.iter().map(event).collect();
    json!({"tenant_id": ada.tenant, "instance_id": ada.instance, "events": events})
}

pub fn verdicts(answer: &Value) -> Vec<(&str, &str)> {
    let verdicts = answer["verdicts"].as_array().expect("verdicts").iter();
    verdicts.map(|verdict| (verdict["key"].as_str().unwrap(), verdict["verdict"].as_str().unwrap())).collect()
}

/// What the forum is answered.
pub async fn send(world: &World, body: &Value) -> Value {
    world.server.post(PATH, body).bearer(&world.platform.client_token("forum")).send().await.expect(200)
}

/// Each character as two surrogates, as some encoders write it (RFC 8259, 7).
fn longest(characters: usize, number: usize) -> String {
    format!("{}{number:04}", "\\ud83d\\ude00".repeat(characters - 4))
}

#[tokio::test]
async fn the_largest_batch_that_is_allowed_fits() {
    let world = World::start().await;
    let ada = world.customer_with_forum().await;
    let meter = format!("forum.{}", longest(94, 0));
    let event = |number| {
        let (key, at) = (longest(218, number), world.at(10));
        format!(r#"{{"meter":"{meter}","key":"{key}","quantity":"9999999999.999999999","occurred_at":"{at:?}"}}"#)
    };
    let events: Vec<_> = (0..1000).map(event).collect();
    let (tenant, instance, events) = (ada.tenant, ada.instance, events.join(","));
    let body = format!(r#"{{"tenant_id":"{tenant}","instance_id":"{instance}","events":[{events}]}}"#);
    assert!(body.len() > 3_700_000, "{}", body.len());
    let forum = world.platform.client_token("forum");
    let post = async |body: String| {
        world.server.request(reqwest::Method::POST, PATH).body("application/json", body).bearer(&forum).send().await
    };
    let answer = post(body.clone()).await.expect(200);
    assert_eq!(verdicts(&answer).iter().filter(|(_, verdict)| *verdict == "accepted").count(), 1000);
    let larger = format!("{body}{}", " ".repeat((4 << 20) + 1 - body.len()));
    post(larger).await.problem(413, "too_large");
}

#[tokio::test]
async fn each_event_gets_its_verdict_and_counts_once_however_it_is_told() {
    let world = World::start().await;
    let ada = world.customer_with_forum().await;
    let send = async |body: &Value| send(&world, body).await;
    let mut first = batch(
        &world,
        &ada,
        &[
            ("one", "1", 10),
            ("two", "2", 10),
            ("one", "1.0", 10),
            ("two", "3", 10),
            ("less", "-1", 10),
            ("old", "1", -400 * 86_400),
        ],
    );
    first["events"]
        .as_array_mut()
        .unwrap()
        .push(json!({"meter": "wiki.pages", "key": "foreign", "quantity": "1", "occurred_at": world.at(10)}));
    let answer = send(&first).await;
    let expected = [
        ("one", "accepted"),
        ("two", "accepted"),
        ("one", "duplicate"),
        ("two", "key_used"),
        ("less", "quantity_negative"),
        ("old", "too_old"),
        ("foreign", "meter_unknown"),
    ];
    assert_eq!(verdicts(&answer), expected);
    let again = send(&batch(&world, &ada, &[("two", "2", 10), ("three", "4", 10)])).await;
    assert_eq!(verdicts(&again), [("two", "duplicate"), ("three", "accepted")]);
    world.say(&world.batch(&ada, &[("three", 4, 10), ("four", 8, 10)])).await;
    world.metered(&ada, "15").await;
    assert_eq!(world.count("SELECT count(*) FROM usage_event").await, 4);
    assert_eq!(world.count("SELECT count(*) FROM usage_key").await, 4);
}

#[tokio::test]
async fn nobody_counts_for_others_and_a_fault_counts_nothing() {
    let world = World::start().await;
    let (ada, eve) = (world.customer_with_forum().await, world.customer().await);
    let (forum, pdf) = (world.platform.client_token("forum"), world.platform.client_token("pdf"));
    let post = async |token: &str, body: &Value| world.server.post(PATH, body).bearer(token).send().await;
    let sound = batch(&world, &ada, &[("one", "1", 10)]);
    post(&pdf, &sound).await.problem(403, "instance_of_another");
    let mut theirs = sound.clone();
    theirs["tenant_id"] = json!(eve.tenant);
    post(&forum, &theirs).await.problem(403, "instance_of_another");
    post(&ada.token, &sound).await.problem(403, "platform_client_only");
    let faults = [("one", "1", "100000000000000"), ("one", "1", "0.000000000000001")];
    for (key, good, bad) in faults {
        let body = batch(&world, &ada, &[("first", good, 10), (key, bad, 10)]);
        post(&forum, &body).await.invalid(&["events[1].quantity"]);
    }
    post(&forum, &batch(&world, &ada, &[("", "1", 10), ("a\0", "1", 10)]))
        .await
        .invalid(&["events[0].key", "events[1].key"]);
    let mut ancient = sound.clone();
    ancient["events"][0]["occurred_at"] = json!("-9999-01-01T00:00:00Z");
    post(&forum, &ancient).await.invalid(&["events[0].occurred_at"]);
    post(&forum, &batch(&world, &ada, &[])).await.invalid(&["events"]);
    let many: Vec<_> = (0..1001).map(|number| number.to_string()).collect();
    let many: Vec<_> = many.iter().map(|key| (&**key, "1", 10)).collect();
    post(&forum, &batch(&world, &ada, &many)).await.invalid(&["events"]);
    for quantity in [json!("NaN"), json!("1e400"), json!(null), json!("")] {
        let mut body = sound.clone();
        body["events"][0]["quantity"] = quantity;
        assert_eq!(post(&forum, &body).await.status, 422);
    }
    assert_eq!(world.count("SELECT count(*) FROM usage_key").await, 0);
    let all = post(&forum, &batch(&world, &ada, &many[..1000])).await.expect(200);
    assert!(verdicts(&all).iter().all(|(_, verdict)| *verdict == "accepted"));
    assert_eq!(world.count("SELECT count(*) FROM usage_event").await, 1000);
}
