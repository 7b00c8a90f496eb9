//! What SES tells moves a mail forward, and takes bad addresses out of circulation.

use crate::support::{Running, handed_to_ses, start};
use contracts::topology::Topic;
use serde_json::{Value, json};

async fn tell(mailer: &Running, mail: &Value, kind: &str, details: Value) {
    let mut event = json!({"eventType": kind,
        "mail": {"messageId": mail["ses_message_id"], "timestamp": mailer.platform.ambient.now(),
            "tags": {"ledger_id": [mail["id"]]}}});
    event.as_object_mut().unwrap().extend(details.as_object().cloned().unwrap());
    mailer.platform.aws.publisher().publish_raw(Topic::SesFeedback, event.to_string()).await.expect("publishing");
}

async fn sent(mailer: &Running, key: &str, recipient: &str) -> Value {
    mailer.send(&mailer.notice(key, recipient)).await.expect(202);
    mailer.with_status(recipient, "sent").await
}

/// A mailer that has sent a mail, to this recipient.
async fn with_a_mail() -> (Running, String, Value) {
    let mailer = start().await;
    let recipient = mailer.address();
    let mail = sent(&mailer, "first", &recipient).await;
    (mailer, recipient, mail)
}

#[tokio::test]
async fn a_hard_bounce_suppresses_the_address_until_an_operator_lets_it_back() {
    let (mailer, recipient, mail) = with_a_mail().await;
    let bounce = json!({"bounce": {"bounceType": "Permanent", "bounceSubType": "General",
        "bouncedRecipients": [{"emailAddress": recipient.to_uppercase()}]}});
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

    let path = format!("/v1/suppressions/{}", list["items"][0]["id"].as_str().expect("an id"));
    let remove = async || mailer.server.delete(&path).bearer(&mailer.operator.token).await;
    remove().await.expect(204);
    remove().await.problem(404, "suppression_not_found");
    mailer.send(&mailer.notice("third", &recipient)).await.expect(202);
    mailer.mail("third", &recipient, "sent").await;
    // What was suppressed meanwhile is not lost either.
    mailer.resend(&suppressed["id"], false).await.expect(202);
    mailer.mail("second", &recipient, "sent").await;
}

/// SES made the bounce itself, because of its list for the whole account: the mailbox may be there.
#[tokio::test]
async fn a_bounce_of_the_accounts_own_list_suppresses_nothing() {
    let (mailer, recipient, mail) = with_a_mail().await;
    let bounce =
        json!({"bounce": {"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList", "feedbackId": "b"}});
    tell(&mailer, &mail, "Bounce", bounce).await;
    mailer.with_status(&recipient, "bounced").await;
    assert_eq!(mailer.get("/v1/suppressions").await["items"], json!([]));
}

#[tokio::test]
async fn a_complaint_suppresses_and_a_late_delivery_changes_nothing() {
    let (mailer, recipient, mail) = with_a_mail().await;
    tell(&mailer, &mail, "Complaint", json!({"complaint": {"complainedRecipients": [{"emailAddress": recipient}]}}))
        .await;
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
    let (mailer, recipient, mail) = with_a_mail().await;
    tell(
        &mailer,
        &mail,
        "Bounce",
        json!({"bounce": {"bounceType": "Transient", "bouncedRecipients": [{"emailAddress": recipient}]}}),
    )
    .await;
    tell(&mailer, &mail, "Delivery", json!({"delivery": {}})).await;
    mailer.with_status(&recipient, "delivered").await;
    assert_eq!(mailer.get("/v1/suppressions").await["items"], json!([]));
}

/// Both are bounces of one mail; only their feedback ids differ.
#[tokio::test]
async fn a_hard_bounce_after_a_soft_one_counts() {
    let (mailer, recipient, mail) = with_a_mail().await;
    let bounce = |kind: &str, id: &str| {
        json!({"bounce": {"bounceType": kind, "feedbackId": id,
            "bouncedRecipients": [{"emailAddress": recipient}]}})
    };
    tell(&mailer, &mail, "Bounce", bounce("Transient", "soft")).await;
    tell(&mailer, &mail, "Bounce", bounce("Permanent", "hard")).await;
    tell(&mailer, &mail, "Bounce", bounce("Permanent", "hard")).await;
    mailer.with_status(&recipient, "bounced").await;
    assert_eq!(mailer.get("/v1/suppressions").await["items"].as_array().map(Vec::len), Some(1));
}

/// A stranger's tenant writes to somebody who calls it spam: that must not keep anybody from their own registration and
/// security mail.
#[tokio::test]
async fn a_complaint_about_a_tenants_mail_stops_that_tenants_mail_only() {
    let mailer = start().await;
    let (recipient, stranger, other) = (mailer.address(), mailer.platform.tenant(), mailer.platform.tenant());
    mailer.order(Some(stranger), "invitation", &recipient).await;
    let mail = mailer.mail("invitation", &recipient, "sent").await;
    tell(
        &mailer,
        &mail,
        "Complaint",
        json!({"complaint": {"feedbackId": "c", "complainedRecipients": [{"emailAddress": recipient}]}}),
    )
    .await;
    mailer.mail("invitation", &recipient, "complained").await;

    mailer.order(None, "confirm your address", &recipient).await;
    mailer.order(Some(other), "invoice", &recipient).await;
    mailer.order(Some(stranger), "invitation again", &recipient).await;
    mailer.mail("confirm your address", &recipient, "sent").await;
    mailer.mail("invoice", &recipient, "sent").await;
    mailer.mail("invitation again", &recipient, "suppressed").await;
    let list = mailer.get(&format!("/v1/suppressions?address={recipient}")).await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!((&list["items"][0]["tenant_id"], &list["items"][0]["template"]), (&json!(stranger), &json!("notice")));
    test_support::tenant_walls(&mailer.platform, &["mails", "tenant_suppressions"]).await;
}

/// And the other way round: whom the platform's own mail does not reach, a tenant may reach.
#[tokio::test]
async fn a_bounce_of_the_platforms_mail_stops_the_platforms_mail_until_somebody_lifts_it() {
    let mailer = start().await;
    let (recipient, tenant) = (mailer.address(), mailer.platform.tenant());
    mailer.order(None, "confirm your address", &recipient).await;
    let mail = mailer.mail("confirm your address", &recipient, "sent").await;
    tell(
        &mailer,
        &mail,
        "Bounce",
        json!({"bounce": {"bounceType": "Permanent", "bounceSubType": "NoEmail", "feedbackId": "b"}}),
    )
    .await;
    mailer.mail("confirm your address", &recipient, "bounced").await;
    mailer.order(None, "once more", &recipient).await;
    mailer.mail("once more", &recipient, "suppressed").await;
    mailer.order(Some(tenant), "invoice", &recipient).await;
    mailer.mail("invoice", &recipient, "sent").await;
}
