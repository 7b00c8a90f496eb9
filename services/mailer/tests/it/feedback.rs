//! What SES tells moves a mail forward, and takes bad addresses out of circulation.

use crate::support::{Running, handed_to_ses, start};
use contracts::topology::Topic;
use serde_json::{Value, json};

async fn tell(mailer: &Running, mail: &Value, kind: &str, details: Value) {
    let mut event =
        json!({"eventType": kind, "mail": {"messageId": mail["ses_message_id"], "timestamp": "2026-01-01T00:00:00.000Z", "tags": {"ledger_id": [mail["id"]]}}});
    event.as_object_mut().unwrap().extend(details.as_object().cloned().unwrap());
    mailer.platform.aws.publisher().publish_raw(Topic::SesFeedback, event.to_string()).await.expect("publishing");
}

async fn sent(mailer: &Running, key: &str, recipient: &str) -> Value {
    mailer.send(&mailer.notice(key, recipient)).await.expect(202);
    mailer.with_status(recipient, "sent").await
}

#[tokio::test]
async fn a_hard_bounce_suppresses_the_address_until_an_operator_lets_it_back() {
    let mailer = start().await;
    let recipient = mailer.address();
    let mail = sent(&mailer, "first", &recipient).await;
    let bounce = json!({"bounce": {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [{"emailAddress": recipient.to_uppercase()}]}});
    for _ in 0..3 {
        tell(&mailer, &mail, "Bounce", bounce.clone()).await;
    }
    mailer.with_status(&recipient, "bounced").await;
    let list = mailer.get("/v1/suppressions").await;
    assert_eq!(list["items"][0]["address"], recipient.as_str());
    assert_eq!(list["items"][0]["reason"], "bounce");

    mailer.send(&mailer.notice("second", &recipient)).await.expect(202);
    let suppressed = mailer.with_status(&recipient, "suppressed").await;
    assert_eq!(suppressed["reason"], "the address is out of circulation after a bounce");
    assert_eq!(handed_to_ses(&recipient).await.len(), 1);

    let path = format!("/v1/suppressions/{recipient}");
    let remove = async || mailer.server.delete(&path).bearer(&mailer.operator.token).send().await;
    remove().await.expect(204);
    remove().await.problem(404, "suppression_not_found");
    mailer.send(&mailer.notice("third", &recipient)).await.expect(202);
    mailer.with_status(&recipient, "sent").await;
}

#[tokio::test]
async fn a_complaint_suppresses_and_a_late_delivery_changes_nothing() {
    let mailer = start().await;
    let recipient = mailer.address();
    let mail = sent(&mailer, "first", &recipient).await;
    tell(&mailer, &mail, "Complaint", json!({"complaint": {"complainedRecipients": [{"emailAddress": recipient}]}})).await;
    mailer.with_status(&recipient, "complained").await;
    tell(&mailer, &mail, "Delivery", json!({"delivery": {}})).await;
    let other = mailer.address();
    let second = sent(&mailer, "second", &other).await;
    tell(&mailer, &second, "Delivery", json!({"delivery": {}})).await;
    mailer.with_status(&other, "delivered").await;
    mailer.with_status(&recipient, "complained").await;
    assert_eq!(mailer.get("/v1/suppressions").await["items"][0]["reason"], "complaint");
}

#[tokio::test]
async fn a_soft_bounce_suppresses_nothing() {
    let mailer = start().await;
    let recipient = mailer.address();
    let mail = sent(&mailer, "first", &recipient).await;
    tell(&mailer, &mail, "Bounce", json!({"bounce": {"bounceType": "Transient", "bouncedRecipients": [{"emailAddress": recipient}]}})).await;
    tell(&mailer, &mail, "Delivery", json!({"delivery": {}})).await;
    mailer.with_status(&recipient, "delivered").await;
    assert_eq!(mailer.get("/v1/suppressions").await["items"], json!([]));
}
