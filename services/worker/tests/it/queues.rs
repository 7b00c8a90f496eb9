//! The console of the platform's queues.

use crate::desk::{Desk, body};
use chrono::{DateTime, Utc};
use contracts::{
    envelope::Envelope,
    messages::{Message, SendMail, TenantCreated},
};
use serde_json::{Value, json};
use test_support::eventually;

#[tokio::test]
async fn queues_are_seen_paused_and_resumed() {
    let desk = Desk::open().await;
    let created = desk.created("Acme");
    desk.world.platform.publish_envelope(TenantCreated::TOPIC, &created).await;
    let queue = eventually("it waits", async || {
        let queue = desk.get("/v1/queues/billing").await;
        (queue["waiting"] == 1).then_some(queue)
    })
    .await;
    assert_eq!((&queue["name"], &queue["dead"], queue.get("paused")), (&json!("billing"), &json!(0), None));
    assert_eq!(queue["subscriptions"][0], json!({ "topic": "auth-events", "types": ["auth.tenant.created.v1"] }));
    let work = eventually("the worker tells what it has received", async || {
        let work = desk.get("/v1/queues/worker-history").await["work"].clone();
        (work.get("oldest_seconds").is_some() && work["deleted"] == 1).then_some(work)
    })
    .await;
    let consumer = &work["consumers"][0];
    assert_eq!(
        (&work["received"], &consumer["client"], &consumer["in_flight"]),
        (&json!(1), &json!("worker"), &json!(0))
    );
    assert!(consumer["task"].as_str().unwrap().ends_with(&format!(":{}", std::process::id())), "{consumer}");
    let idle = json!({ "received": 0, "deleted": 0, "consumers": [] });
    assert_eq!(queue["work"], idle, "nobody takes from it");
    let list = desk.get("/v1/queues").await;
    let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|queue| queue["name"].clone()).collect();
    let expected: Vec<_> = contracts::topology::QUEUES.iter().map(|queue| json!(queue.name)).collect();
    assert_eq!(names, expected);

    let peeked = desk.get("/v1/queues/billing/messages").await;
    let message = &peeked["items"][0];
    assert_eq!((&message["message_id"], &message["fits_schema"]), (&json!(created.id), &json!(true)));
    let personal = json!("[personal]");
    let data = &message["data"];
    assert_eq!((&data["owner_email"], &data["name"], &data["kind"]), (&personal, &personal, &json!("customer")));
    let told = eventually("it waits again", async || {
        let told = desk.told("/v1/queues/billing/messages").await;
        told["items"][0].get("data").cloned()
    })
    .await;
    assert_eq!(told["owner_email"], "ada@acme.example");

    let writer = &desk.writer;
    let paused = desk.worker.post("/v1/queues/billing/pause", &json!({})).bearer(&writer.token).await.expect(200);
    let by = format!("user:{}", writer.user);
    assert_eq!(paused["paused"]["by"], json!(by));
    assert!(paused["paused"]["since"].as_str().unwrap().parse::<DateTime<Utc>>().is_ok(), "{paused}");
    assert_eq!(desk.get("/v1/queues/billing").await["paused"], paused["paused"]);
    let resumed = desk.worker.post("/v1/queues/billing/resume", &json!({})).bearer(&writer.token).await.expect(200);
    assert_eq!(resumed.get("paused"), None);

    let actions = desk.get("/v1/queue-actions").await;
    let actions = actions["items"].as_array().unwrap();
    assert_eq!((actions.len(), &actions[0]["action"], &actions[1]["action"]), (2, &json!("pause"), &json!("resume")));
    assert_eq!((&actions[0]["principal"], &actions[0]["outcome"]), (&json!(by), &json!("done")));
    for path in ["", "/messages", "/dead-letters", "/dead-letter-groups", "/dead-letters/1"] {
        let path = format!("/v1/queues/nobody{path}");
        desk.worker.get(&path).bearer(&desk.reader.token).await.problem(404, "queue_not_found");
    }
    desk.worker.post("/v1/queues/nobody/pause", &json!({})).bearer(&writer.token).await.problem(404, "queue_not_found");
}

#[tokio::test]
async fn dead_letters_are_filtered_grouped_and_compared_with_their_schema() {
    let desk = Desk::open().await;
    let (sound, mut unfit) = (desk.created("the tenant 'Acme' is known as 7"), desk.created("Acme"));
    unfit.data["owner_user_id"] = json!("nobody");
    let other = desk.created("the tenant 'Bert' is known as 8");
    desk.bury("billing", &[body(&sound), body(&other), body(&unfit), "{\"secret\": 1".to_owned()]).await;
    let all = desk.get("/v1/queues/billing/dead-letters").await;
    assert_eq!((all["items"].as_array().unwrap().len(), &all["more"]), (4, &json!(false)), "{all}");
    let of = |misfit: Value| all["items"].as_array().unwrap().iter().find(|letter| letter["misfit"] == misfit).unwrap();
    let (no_envelope, fitting) = (of(json!("the body is not an envelope")), of(json!(null)));
    assert_eq!(of(json!("/owner_user_id: format"))["fits_schema"], json!(false));
    assert_eq!((no_envelope.get("body"), no_envelope.get("data")), (None, None), "it may be anything");
    assert_eq!((&fitting["reason"], &fitting["fits_schema"]), (&json!("the tenant # is known as #"), &json!(true)));
    assert!(fitting["first_sent_at"].is_string() && fitting["attempts"] == 0, "{fitting}");

    for (query, expected) in [
        (format!("fingerprint={}", fitting["fingerprint"].as_str().unwrap()), 2),
        (format!("type={}", TenantCreated::TYPE), 3),
        (format!("type={}", SendMail::TYPE), 0),
        (format!("tenant_id={}", desk.world.tenant), 3),
        (format!("tenant_id={}", desk.world.id()), 0),
        (format!("text={}", sound.data["owner_user_id"].as_str().unwrap()), 1),
        ("text=FIT".into(), 1),
        ("text=acme.example".into(), 0),
        (format!("tenant_id={}&text=known", desk.world.tenant), 2),
    ] {
        let some = desk.get(&format!("/v1/queues/billing/dead-letters?{query}")).await;
        assert_eq!(some["items"].as_array().unwrap().len(), expected, "{query}: {some}");
    }
    let told = desk.told("/v1/queues/billing/dead-letters?text=acme.example").await;
    assert_eq!(told["items"].as_array().unwrap().len(), 3, "{told}");
    let told = desk.told("/v1/queues/billing/dead-letters?text=secret").await;
    assert_eq!(told["items"][0]["body"], "{\"secret\": 1");

    let groups = desk.get("/v1/queues/billing/dead-letter-groups").await;
    let counts: Vec<_> = groups["items"].as_array().unwrap().iter().map(|group| group["count"].clone()).collect();
    assert_eq!(counts, [2, 1, 1]);
    let largest = &groups["items"][0];
    assert_eq!((&largest["fingerprint"], &largest["type"]), (&fitting["fingerprint"], &json!(TenantCreated::TYPE)));
    assert_eq!(largest["reason"], "the tenant # is known as #");
}

#[tokio::test]
async fn a_dead_letter_is_edited_by_what_is_to_change_sent_back_and_deleted() {
    let desk = Desk::open().await;
    let mut mail = desk.mail();
    mail.data["key"] = json!("");
    desk.bury("mailer", &[body(&mail)]).await;
    let letter = desk.letter("mailer").await;
    assert_eq!((&letter["misfit"], &letter["data"]["variables"]), (&json!("/key: minLength"), &json!("[secret]")));
    let path = |id: &Value| format!("/v1/queues/mailer/dead-letters/{}", id.as_str().unwrap());
    let edit = async |id: &Value, data: Value| {
        let edit = json!({ "data": data });
        desk.worker.post(&format!("{}/edit", path(id)), &edit).bearer(&desk.writer.token).await
    };
    for (data, place) in [
        (json!({ "recipient": "bert@acme.example" }), "/data"),
        (json!({ "key": "k", "recipient": "[personal]" }), "/data/recipient"),
        (json!({ "key": 7 }), "/data"),
        (json!({ "key": "k", "variables": { "title": null } }), "/data"),
        (json!([]), "/data"),
    ] {
        edit(&letter["id"], data).await.invalid(&[place]);
    }
    assert_eq!(desk.letter("mailer").await["id"], letter["id"], "what was refused has changed nothing");
    let edited = edit(&letter["id"], json!({ "key": "k", "recipient": "bert@acme.example" })).await.expect(200);
    assert_eq!((&edited["fits_schema"], &edited["data"]["recipient"]), (&json!(true), &json!("[personal]")));
    assert_ne!(edited["id"], letter["id"]);
    edit(&letter["id"], json!({ "key": "l" })).await.problem(404, "dead_letter_not_found");
    let told = desk.told(&path(&edited["id"])).await;
    let reason = "the data of mail.send.v1 do not fit its schema: /key: minLength";
    assert_eq!(
        (&told["data"]["recipient"], &told["data"]["variables"]),
        (&json!("bert@acme.example"), &json!("[secret]"))
    );
    assert_eq!((told["reason"].as_str(), &told["message_id"]), (Some(reason), &json!(mail.id)));

    let redrive = async |id: &Value| {
        let redrive = desk.worker.post(&format!("{}/redrive", path(id)), &json!({}));
        redrive.bearer(&desk.writer.token).await
    };
    assert_eq!(redrive(&edited["id"]).await.status, 204);
    redrive(&edited["id"]).await.problem(404, "dead_letter_not_found");
    let aws = &desk.world.platform.aws;
    let url = aws.queue_url(&aws.queue_name("mailer")).await.unwrap();
    let sent = eventually("it is in its queue", async || {
        let received = aws.sqs.receive_message().queue_url(&url).send().await.unwrap();
        received.messages?.into_iter().next()?.body
    })
    .await;
    mail.data["key"] = json!("k");
    mail.data["recipient"] = json!("bert@acme.example");
    assert_eq!(serde_json::from_str::<Envelope>(&sent).unwrap(), mail, "nothing else has changed");

    desk.bury("mailer", &["no message".to_owned()]).await;
    let letter = desk.letter("mailer").await;
    edit(&letter["id"], json!({})).await.problem(409, "dead_letter_not_understood");
    let delete = async || desk.worker.delete(&path(&letter["id"])).bearer(&desk.writer.token).await;
    assert_eq!(delete().await.status, 204);
    delete().await.problem(404, "dead_letter_not_found");

    let by_message = desk.get(&format!("/v1/queue-actions?message_id={}", mail.id)).await;
    let done: Vec<_> = by_message["items"].as_array().unwrap().iter().map(|action| action["action"].clone()).collect();
    assert_eq!(done, ["edit", "redrive"]);
    assert_eq!(by_message["items"][0]["places"], json!(["/key", "/recipient"]));
    let by_letter = desk.get(&format!("/v1/queue-actions?message_id={}", letter["id"].as_str().unwrap())).await;
    assert_eq!(by_letter["items"].as_array().unwrap().len(), 2, "{by_letter}");
    assert!(!by_message.to_string().contains("acme.example"), "{by_message}");
}

#[tokio::test]
async fn dead_letters_are_sent_back_by_id_by_cause_and_all() {
    let desk = Desk::open().await;
    let bodies = ["full", "full", "late", "late", "lost"].map(|reason| body(&desk.created(reason)));
    desk.bury("billing", &bodies).await;
    let letters = desk.get("/v1/queues/billing/dead-letters").await["items"].as_array().unwrap().clone();
    assert_eq!(letters.len(), 5, "{letters:?}");
    let redrive =
        async |wanted: Value| desk.worker.post("/v1/queues/billing/redrive", &wanted).bearer(&desk.writer.token).await;
    for unclear in [json!({}), json!({ "all": false }), json!({ "all": true, "fingerprint": "x" })] {
        redrive(unclear).await.invalid(&[""]);
    }
    redrive(json!({ "ids": [] })).await.invalid(&["ids"]);
    redrive(json!({ "ids": ["gone"] })).await.problem(404, "dead_letter_not_found");
    redrive(json!({ "fingerprint": "gone" })).await.problem(404, "dead_letter_not_found");
    let of = |reason: &str| letters.iter().find(|letter| letter["reason"] == reason).unwrap();
    let one = redrive(json!({ "ids": [of("lost")["id"], "gone"] })).await.expect(200);
    assert_eq!(one, json!({ "ids": [of("lost")["id"]], "missing": ["gone"], "more": false }));
    let two = redrive(json!({ "fingerprint": of("late")["fingerprint"] })).await.expect(200);
    assert_eq!(two["ids"].as_array().unwrap().len(), 2, "{two}");
    let rest = redrive(json!({ "all": true })).await.expect(200);
    assert_eq!(rest["ids"].as_array().unwrap().len(), 2, "{rest}");
    let none = redrive(json!({ "all": true })).await.expect(200);
    assert_eq!(none, json!({ "ids": [], "missing": [], "more": false }));
    eventually("all wait", async || {
        let queue = desk.get("/v1/queues/billing").await;
        (queue["waiting"] == 5 && queue["dead"] == 0).then_some(())
    })
    .await;
    let actions = desk.get("/v1/queue-actions?queue=billing").await;
    assert_eq!(actions["items"].as_array().unwrap().len(), 6, "{actions}");
}
