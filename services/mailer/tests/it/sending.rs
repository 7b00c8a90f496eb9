//! A mail leaves once, rendered, whoever asks for it and however often.

use crate::support::{handed_to_ses, start};
use contracts::messages::{Message, SendMail};
use serde_json::json;
use test_support::eventually;

#[tokio::test]
async fn a_command_delivered_three_times_is_one_mail() {
    let mailer = start().await;
    let recipient = mailer.address();
    let variables = json!({"display_name": "Ada <b>", "link": "https://acme.test/?a=1&b=2", "minutes": 30});
    let order = SendMail {
        key: "k".into(),
        template: "verify-email".into(),
        recipient: recipient.clone(),
        variables: variables.as_object().cloned().unwrap(),
        expires_at: None,
    };
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
    let order = SendMail {
        key: "k".into(),
        template: "ghost".into(),
        recipient: "nobody".into(),
        variables: Default::default(),
        expires_at: None,
    };
    mailer.platform.publish(None, &order).await;
    let aws = &mailer.platform.aws;
    let url = aws.queue_url(&aws.dead_queue_name("mailer")).await.expect("the dead-letter queue");
    let dead = eventually("the order is a dead letter", async || {
        let answer = aws
            .sqs
            .receive_message()
            .queue_url(&url)
            .message_attribute_names("All")
            .wait_time_seconds(1)
            .send()
            .await
            .ok()?;
        answer.messages?.into_iter().next()
    })
    .await;
    let reason = format!("{:?}", dead.message_attributes);
    assert!(
        reason.contains("recipient must be an e-mail address") && reason.contains("no template 'ghost'"),
        "{reason}"
    );
}

#[tokio::test]
async fn the_same_key_with_other_content_is_refused() {
    let mailer = start().await;
    let recipient = mailer.address();
    let mail = mailer.notice("k", &recipient);
    let first = mailer.send(&mail).await.expect(202);
    assert_eq!(mailer.send(&mail).await.expect(202)["id"], first["id"]);
    let mut other = mail.clone();
    other["variables"]["text"] = json!("Another text.");
    mailer.send(&other).await.problem(409, "key_reused");
}
