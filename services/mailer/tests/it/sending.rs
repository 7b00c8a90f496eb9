//! A mail leaves once, rendered, whoever asks for it and however often.

use crate::support::{handed_to_ses, start};
use chrono::TimeDelta;
use contracts::{
    mails::{Mail, Notice, Registration, VerifyEmail},
    messages::{Message, SendMail},
};
use serde_json::json;

#[tokio::test]
async fn a_command_delivered_three_times_is_one_mail() {
    let mailer = start().await;
    let recipient = mailer.address();
    let (display_name, link) = ("Ada <b>".into(), "https://acme.test/?a=1&b=2".into());
    let registration = Registration { display_name, link, ..VerifyEmail::sample().registration };
    let mail = VerifyEmail { registration, ..VerifyEmail::sample() }.into();
    let order = SendMail { key: "k".into(), recipient: recipient.clone(), mail, expires_at: None };
    let envelope = mailer.platform.publish(None, &order).await;
    mailer.platform.publish_envelope(SendMail::TOPIC, &envelope).await;
    mailer.platform.publish(None, &order).await;

    let mail = mailer.with_status(&recipient, "sent").await;
    assert_eq!(mail["subject"], "Confirm your e-mail address");
    assert!(mail.get("variables").is_none());
    // A second key behind the three shows that all of them were taken.
    let last = SendMail { key: "last".into(), recipient: mailer.address(), ..order };
    mailer.platform.publish(None, &last).await;
    mailer.with_status(&last.recipient, "sent").await;
    let handed = handed_to_ses(&recipient).await;
    assert_eq!(handed.len(), 1, "{handed:?}");
    let text = handed[0].to_string();
    assert!(text.contains("Ada &lt;b&gt;") && text.contains("https://acme.test/?a=1&b=2"), "{text}");
}

#[tokio::test]
async fn an_order_that_can_never_be_sent_goes_to_the_dead_letters_with_its_reason() {
    let mailer = start().await;
    let mail = Notice::sample().into();
    let order = SendMail { key: "k".into(), recipient: "nobody".into(), mail, expires_at: None };
    mailer.platform.publish(None, &order).await;
    let mut ghost = mailer.platform.envelope(None, &order);
    ghost.data["template"] = json!("ghost");
    // No deploy takes that long, so no newer mailer will come that knows it.
    ghost.time -= TimeDelta::hours(25);
    mailer.platform.publish_envelope(SendMail::TOPIC, &ghost).await;
    let mut misspelt = mailer.platform.envelope(None, &order);
    misspelt.data["variables"] = json!({"title": "Hello", "txt": "It works."});
    mailer.platform.publish_envelope(SendMail::TOPIC, &misspelt).await;
    let reasons = mailer.platform.dead_letters("mailer", 3).await.join("; ");
    for expected in ["recipient must be an e-mail address", "/template: a variant", "/variables/text: required"] {
        assert!(reasons.contains(expected), "{reasons}");
    }
}

#[tokio::test]
async fn the_same_key_with_other_content_is_refused() {
    let mailer = start().await;
    let recipient = mailer.address();
    let mail = mailer.notice("k", &recipient);
    let first = mailer.send(&mail).await.expect(202);
    mailer.with_status(&recipient, "sent").await;
    assert_eq!(mailer.send(&mail).await.expect(202)["id"], first["id"]);
    let mut other = mail.clone();
    other["variables"]["text"] = json!("Another text.");
    mailer.send(&other).await.problem(409, "key_reused");
}
