//! The console of outboxes. A second worker stands for billing: the endpoints of outboxes are the same in each service.

use crate::desk::Desk;
use contracts::{envelope::Envelope, topology::Topic};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;
use test_support::{TestServer, eventually};

const BILLING: &str = "/v1/outboxes/billing/parked-messages";
const OWN: &str = "/v1/outboxes/worker/parked-messages";

/// A worker that asks `of` for billing's outbox.
async fn beside(desk: &Desk, of: &str) -> TestServer {
    desk.world.worker_with(HashMap::from([("BILLING_URL".into(), of.to_owned())])).await
}

/// Parks a message, as the relay does with one that SNS refuses.
async fn park(desk: &Desk, topic: Topic, envelope: &Envelope) -> String {
    let mut tx = desk.world.platform.begin_across_tenants().await;
    let parked = "INSERT INTO outbox (id, topic, envelope, created_at, refusals, parked_at, last_error)
                  VALUES ($1, $2, $3, now(), 5, now(), 'SNS refuses it')";
    let row = sqlx::query(parked).bind(envelope.id.0).bind(topic.name()).bind(sqlx::types::Json(envelope));
    row.execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    envelope.id.to_string()
}

async fn outbox(desk: &Desk, console: &TestServer, service: &str) -> Value {
    let list = console.get("/v1/outboxes").bearer(&desk.reader.token).await.expect(200);
    list["items"].as_array().unwrap().iter().find(|outbox| outbox["service"] == service).unwrap().clone()
}

#[tokio::test]
async fn parked_messages_are_seen_released_and_deleted() {
    let desk = Desk::open().await;
    let console = beside(&desk, &desk.worker.url).await;
    let (created, mail) = (desk.created("Acme"), desk.mail());
    let wrong = park(&desk, Topic::MailerCommands, &mail).await;
    let mended = park(&desk, Topic::AuthEvents, &created).await;
    for service in ["billing", "worker"] {
        let state = json!({ "waiting": 0, "parked": 2 });
        assert_eq!(outbox(&desk, &console, service).await["state"], state, "{service}");
    }

    let seen = console.get(BILLING).bearer(&desk.reader.token).await.expect(200);
    let found: Vec<_> = seen["items"].as_array().unwrap().iter().map(|message| message["id"].clone()).collect();
    let mut sent = vec![json!(wrong), json!(mended)];
    sent.sort_by_key(Value::to_string);
    assert_eq!(found, sent);
    let data = |items: &Value, id: &str| {
        let items = items["items"].as_array().unwrap();
        items.iter().find(|message| message["id"] == id).unwrap()["data"].clone()
    };
    assert_eq!(
        (&data(&seen, &mended)["name"], &data(&seen, &wrong)["variables"]),
        (&json!("[personal]"), &json!("[secret]"))
    );
    let told = console.get(BILLING).bearer(&desk.confidant.token).await.expect(200);
    assert_eq!(
        (&data(&told, &mended)["name"], &data(&told, &wrong)["variables"]),
        (&json!("Acme"), &json!("[secret]"))
    );

    let of_tenant = format!("{BILLING}?tenant_id={}&type=auth.tenant.created.v1&limit=1", desk.world.tenant);
    let narrowed = console.get(&of_tenant).bearer(&desk.reader.token).await.expect(200);
    let message = &narrowed["items"][0];
    assert_eq!((&message["id"], &message["topic"]), (&json!(mended), &json!("auth-events")));
    assert_eq!((&message["reason"], narrowed.get("next_cursor")), (&json!("SNS refuses it"), None));
    let later = format!("{OWN}?since=2999-01-01T00:00:00Z");
    assert_eq!(console.get(&later).bearer(&desk.reader.token).await.expect(200)["items"], json!([]));
    let first = console.get(&format!("{OWN}?limit=1")).bearer(&desk.reader.token).await.expect(200);
    let second = format!("{OWN}?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    let second = console.get(&second).bearer(&desk.reader.token).await.expect(200);
    assert_eq!((&second["items"][0]["id"], second.get("next_cursor")), (&sent[1], None));

    let release = format!("{BILLING}/{mended}/release");
    console.post(&release, &json!({})).bearer(&desk.reader.token).await.problem(403, "permission_missing");
    console.post(&release, &json!({})).bearer(&desk.writer.token).await.expect(204);
    console.post(&release, &json!({})).bearer(&desk.writer.token).await.problem(404, "parked_message_not_found");
    eventually("it is said after all", async || (desk.get("/v1/queues/billing").await["waiting"] == 1).then_some(()))
        .await;
    let delete = format!("{OWN}/{wrong}");
    console.delete(&delete).bearer(&desk.writer.token).await.expect(204);
    console.delete(&delete).bearer(&desk.writer.token).await.problem(404, "parked_message_not_found");
    assert_eq!(outbox(&desk, &console, "worker").await["state"], json!({ "waiting": 0, "parked": 0 }));

    let actions = desk.get("/v1/queue-actions?queue=outbox/billing").await;
    let actions = actions["items"].as_array().unwrap();
    let outcomes: Vec<_> = actions.iter().map(|action| (&action["action"], &action["outcome"])).collect();
    assert_eq!(outcomes, [(&json!("release"), &json!("done")), (&json!("release"), &json!("failed"))]);
    assert_eq!((&actions[0]["messages"], &actions[1]["letters"]), (&json!([mended]), &json!([mended])));
    let deleted = desk.get(&format!("/v1/queue-actions?message_id={wrong}")).await;
    assert_eq!(
        (&deleted["items"][0]["action"], &deleted["items"][0]["queue"]),
        (&json!("delete"), &json!("outbox/worker"))
    );
}

#[tokio::test]
async fn an_outbox_that_cannot_be_asked_is_said_and_no_other_suffers() {
    let desk = Desk::open().await;
    let id = desk.world.id();
    // Nobody listens at the first, and the second does not know where billing is.
    let console = beside(&desk, "http://127.0.0.1:1").await;
    for console in [&console, &desk.worker] {
        let away = console.get(BILLING).bearer(&desk.reader.token).await;
        assert!(away.header("retry-after").is_some());
        away.problem(503, "unavailable");
        let release = format!("{BILLING}/{id}/release");
        console.post(&release, &json!({})).bearer(&desk.writer.token).await.problem(503, "unavailable");
        assert_eq!(outbox(&desk, console, "billing").await.get("state"), None);
        assert_eq!(outbox(&desk, console, "worker").await["state"]["parked"], 0);
    }
    for unknown in ["mailer", "nobody"] {
        let path = format!("/v1/outboxes/{unknown}/parked-messages");
        console.get(&path).bearer(&desk.reader.token).await.problem(404, "outbox_not_found");
    }
}

#[tokio::test]
async fn only_the_console_may_ask_a_service_for_its_outbox() {
    let desk = Desk::open().await;
    let parked = park(&desk, Topic::AuthEvents, &desk.created("Acme")).await;
    let one = format!("/internal/outbox/parked/{parked}");
    let query = json!({ "after": "00000000-0000-0000-0000-000000000000", "limit": 10 });
    let asked = [
        (Method::GET, "/internal/outbox".to_owned()),
        (Method::POST, "/internal/outbox/parked".to_owned()),
        (Method::POST, format!("{one}/release")),
        (Method::POST, format!("{one}/discard")),
    ];
    let product = desk.world.platform.client_token("forum-worker");
    for (method, path) in asked {
        for token in [&desk.confidant.token, &product] {
            let request = desk.worker.request(method.clone(), &path).bearer(token);
            let answer = request.body("application/json", query.to_string()).await;
            assert_eq!(answer.status, 403, "{method} {path}");
        }
        assert_eq!(desk.worker.request(method.clone(), &path).await.status, 401, "{method} {path}");
    }
    assert_eq!(outbox(&desk, &desk.worker, "worker").await["state"]["parked"], 1, "nothing was done");
}
