//! Whoever gets a mail that a tenant caused can refuse the next by one click in their mail program (RFC 8058).

use crate::support::{Running, start_behind_gate};
use contracts::{
    mails::{Invitation, Mail},
    messages::SendMail,
};
use serde_json::{Value, json};

const LINK: &str = "https://auth.test/v1/invitation-refusals/c2VhbGVk-_8";

/// A tenant's invitation, whose link to refuse is `refuse_link`; its key is the recipient.
async fn invite(mailer: &Running, refuse_link: &str) -> SendMail {
    let mail = Invitation { refuse_link: refuse_link.into(), ..Invitation::sample() }.into();
    let recipient = mailer.address();
    let order = SendMail { key: recipient.clone(), recipient, mail, expires_at: None };
    mailer.platform.publish(Some(mailer.operator.tenant), &order).await;
    order
}

/// Looked at in our own call, as the emulator forgets headers.
#[tokio::test]
async fn ses_is_told_how_to_refuse_an_invitation_and_nothing_of_other_mail() {
    let (gate, mailer) = start_behind_gate().await;
    let invitation = invite(&mailer, LINK).await;
    mailer.mail(&invitation.key, &invitation.recipient, "sent").await;
    let [call] = &gate.requests(&invitation.recipient)[..] else { panic!("one call") };
    let expected = json!([
        {"Name": "List-Unsubscribe", "Value": format!("<{LINK}>")},
        {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
    ]);
    assert_eq!(call["Content"]["Simple"]["Headers"], expected, "{call}");

    let notice = mailer.order(None, "notice", &mailer.address()).await;
    mailer.mail("notice", &notice.recipient, "sent").await;
    assert_eq!(gate.requests(&notice.recipient)[0]["Content"]["Simple"]["Headers"], Value::Null);
}

/// The value of a header comes from another service: it must be a link and nothing else.
#[tokio::test]
async fn a_link_to_refuse_cannot_become_another_header() {
    let (gate, mailer) = start_behind_gate().await;
    let hostile = [
        "https://auth.test/x>\r\nBcc: eve@evil.test",
        "https://auth.test/x>, <mailto:eve@evil.test",
        "http://auth.test/x",
        "",
    ];
    for link in hostile {
        let mut mail = serde_json::to_value(invite(&mailer, link).await).expect("an order");
        mail["key"] = "asked for by hand".into();
        mailer.send(&mail).await.invalid(&["variables"]);
    }
    let dead = mailer.platform.dead_letters("mailer", hostile.len()).await;
    assert!(dead.iter().all(|reason| reason.contains("refuse_link")), "{dead:?}");
    assert_eq!(gate.calls(crate::gate::ALL), 0);
}
