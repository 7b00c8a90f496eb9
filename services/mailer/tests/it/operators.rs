//! What operators see, and what bad requests get.

use crate::support::start;
use serde_json::json;

#[tokio::test]
async fn every_operation_keeps_its_document() {
    let mailer = start().await;
    test_support::openapi_contract(&mailer.platform, &mailer.server, &service_kit::openapi::<mailer::Mailer>()).await;
}

#[tokio::test]
async fn wrong_mails_name_their_fields() {
    let mailer = start().await;
    let wrong = json!({"key": "", "template": "notice", "recipient": "x", "variables": {"title": "t"}});
    mailer.send(&wrong).await.invalid(&["key", "recipient", "variables"]);
    mailer.send(&json!({"key": "k"})).await.invalid(&["template"]);
}

#[tokio::test]
async fn the_list_is_read_in_pages() {
    let mailer = start().await;
    for number in 0..3 {
        mailer.send(&mailer.notice(&format!("k{number}"), &mailer.address())).await.expect(202);
    }
    let first = mailer.get("/v1/messages?limit=2").await;
    let cursor = first["next_cursor"].as_str().expect("a second page");
    let second = mailer.get(&format!("/v1/messages?limit=2&cursor={cursor}")).await;
    assert_eq!((first["items"].as_array().map(Vec::len), second["items"].as_array().map(Vec::len)), (Some(2), Some(1)));
    assert!(second.get("next_cursor").is_none());
    let last = &second["items"][0];
    let path = format!("/v1/messages/{}", last["id"].as_str().expect("an id"));
    assert_eq!(mailer.get(&path).await["key"], last["key"]);
    mailer.server.get("/v1/messages?limit=0").bearer(&mailer.operator.token).await.invalid(&["limit"]);
}

#[tokio::test]
async fn readiness_and_metrics_are_told() {
    let mailer = start().await;
    let ready = mailer.server.ops("/readyz").await.expect(200);
    assert_eq!(ready["parts"], json!({"database": "up", "redis": "up", "keys": "up"}));
    assert_eq!(mailer.server.ops("/healthz").await.text, "alive");
}
