//! What SES answers decides whether a mail waits, stops all others, or ends. None is lost, and none leaves twice.

use crate::{
    gate::{ALL, Bad, Gate},
    support::{Running, bootstrap, handed_to_ses, start_behind_gate, start_with},
};
use test_support::eventually;

fn bad(status: u16, code: &'static str) -> Bad {
    Bad::Answer(status, code, format!("{code} for a test"))
}

/// `mail` is `key` to a recipient of its own; gives the recipient.
async fn order(mailer: &Running, key: &str) -> String {
    let recipient = mailer.address();
    mailer.order(None, key, &recipient).await;
    recipient
}

async fn refused_once(gate: &Gate, recipient: &str) {
    eventually("SES was asked in vain", async || (gate.calls(recipient) > 0).then_some(())).await;
}

#[tokio::test]
async fn no_mail_dies_of_a_passing_error() {
    let (gate, mailer) = start_behind_gate().await;
    let days = [bad(500, "InternalFailure"), bad(400, "Throttling"), Bad::Foreign(503)];
    for (number, day) in days.into_iter().enumerate() {
        let key = format!("mail {number}");
        gate.close(ALL, day);
        let recipient = order(&mailer, &key).await;
        refused_once(&gate, &recipient).await;
        mailer.mail(&key, &recipient, "queued").await;
        gate.open();
        mailer.mail(&key, &recipient, "sent").await;
        assert_eq!(handed_to_ses(&recipient).await.len(), 1);
    }
}

#[tokio::test]
async fn mail_waits_until_what_is_ours_to_mend_is_mended() {
    let (gate, mailer) = start_behind_gate().await;
    for (status, code) in [(403, "ExpiredTokenException"), (404, "NotFoundException")] {
        gate.close(ALL, bad(status, code));
        let recipient = order(&mailer, code).await;
        refused_once(&gate, &recipient).await;
        mailer.mail(code, &recipient, "queued").await;
        gate.open();
        mailer.mail(code, &recipient, "sent").await;
        assert_eq!(handed_to_ses(&recipient).await.len(), 1);
    }
}

/// As after a crash of the emulator, or when somebody deletes the identity in SES.
#[tokio::test]
async fn mail_waits_for_a_sender_that_ses_has_forgotten() {
    let domain = format!("forgotten-{}.test", std::process::id());
    let mailer =
        start_with(|variables| drop(variables.insert("MAIL_FROM".into(), format!("Sevenleague <no-reply@{domain}>"))))
            .await;
    forget(&domain).await;
    let recipient = order(&mailer, "first").await;
    let waiting = eventually("it was tried", async || {
        let page = mailer.get(&format!("/v1/messages?recipient={recipient}")).await;
        page["items"][0]["reason"].is_string().then(|| page["items"][0].clone())
    })
    .await;
    assert_eq!(waiting["status"], "queued", "{waiting}");
    bootstrap(&mailer.config).await;
    mailer.mail("first", &recipient, "sent").await;
    forget(&domain).await;
}

async fn forget(identity: &str) {
    let sdk = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    aws_sdk_sesv2::Client::new(&sdk)
        .delete_email_identity()
        .email_identity(identity)
        .send()
        .await
        .expect("deleting the identity");
}

#[tokio::test]
async fn what_is_ours_to_mend_stops_all_mail_and_is_said() {
    let (gate, mailer) = start_behind_gate().await;
    assert_eq!(mailer.get("/v1/sending").await["state"], "running");
    gate.close(ALL, bad(403, "AccessDeniedException"));
    let mut recipients = Vec::new();
    for number in 0..12 {
        recipients.push(order(&mailer, &format!("mail {number}")).await);
    }
    let state = eventually("it is said", async || {
        let state = mailer.get("/v1/sending").await;
        (state["state"] == "stopped" && state["waiting"] == 12).then_some(state)
    })
    .await;
    assert_eq!((&state["code"], &state["held"]), (&"AccessDeniedException".into(), &0.into()), "{state}");
    let alarmed = async || {
        let metrics = mailer.server.ops("/metrics").await.text;
        metrics.lines().any(|line| line.starts_with("mail_sending_stopped") && line.ends_with(" 1")).then_some(())
    };
    eventually("the gauge says so", alarmed).await;
    mailer.server.ops("/readyz").await.expect(200);
    assert!(
        gate.calls(ALL) < recipients.len(),
        "after the first refusals one mail is tried now and then, not {}",
        gate.calls(ALL)
    );

    gate.open();
    for (number, recipient) in recipients.iter().enumerate() {
        mailer.mail(&format!("mail {number}"), recipient, "sent").await;
        assert_eq!(handed_to_ses(recipient).await.len(), 1);
    }
    assert_eq!(mailer.get("/v1/sending").await["state"], "running");
}

#[tokio::test]
async fn a_mail_in_trouble_holds_up_nobody_and_can_be_sent_again() {
    let (gate, mailer) = start_behind_gate().await;
    let (refused, unverified) = (mailer.address(), mailer.address());
    gate.close(&refused, Bad::Answer(400, "MessageRejected", "Transaction failed".into()));
    let sandbox = format!(
        "Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: {unverified}"
    );
    gate.close(&unverified, Bad::Answer(400, "MessageRejected", sandbox.clone()));
    for (key, recipient, status, reason) in
        [("refused", &refused, "failed", "Transaction failed"), ("unverified", &unverified, "held", &*sandbox)]
    {
        mailer.order(None, key, recipient).await;
        let mail = eventually("SES has refused it", async || {
            Some(mailer.find(key, recipient).await).filter(|mail| mail["status"] == status)
        })
        .await;
        assert_eq!(mail["reason"], reason);
    }
    let other = order(&mailer, "other").await;
    mailer.mail("other", &other, "sent").await;
    assert_eq!(mailer.get("/v1/messages?status=held").await["items"][0]["key"], "unverified");
    assert_eq!(mailer.get("/v1/sending").await["held"], 1);

    gate.open();
    for (key, recipient) in [("refused", &refused), ("unverified", &unverified)] {
        let id = mailer.find(key, recipient).await["id"].clone();
        mailer.resend(&id, false).await.expect(202);
        mailer.mail(key, recipient, "sent").await;
        assert_eq!(handed_to_ses(recipient).await.len(), 1);
        mailer.resend(&id, true).await.problem(409, "not_resendable");
    }
}

/// SES fails over the content of one mail again and again: the others leave, and this one does not come to its end
/// either.
#[tokio::test]
async fn a_mail_that_always_meets_a_passing_error_does_not_stop_the_others() {
    let (gate, mailer) = start_behind_gate().await;
    let poison = mailer.address();
    gate.close(&poison, bad(500, "InternalFailure"));
    mailer.order(None, "poison", &poison).await;
    refused_once(&gate, &poison).await;
    for number in 0..6 {
        let key = format!("mail {number}");
        let recipient = order(&mailer, &key).await;
        mailer.mail(&key, &recipient, "sent").await;
    }
    assert_eq!(mailer.find("poison", &poison).await["status"], "queued");
    gate.open();
    let id = mailer.find("poison", &poison).await["id"].clone();
    mailer.resend(&id, false).await.expect(202);
    mailer.mail("poison", &poison, "sent").await;
}

#[tokio::test]
async fn what_a_process_was_sending_when_it_died_is_unknown_and_not_sent_again() {
    let (gate, mailer) = start_behind_gate().await;
    let recipient = order(&mailer, "first").await;
    mailer.mail("first", &recipient, "sent").await;
    let died = "UPDATE mails SET status = 'sending', ses_message_id = NULL, updated_at = now() - interval '3 minutes'";
    sqlx::query(died).execute(&mailer.platform.pool).await.expect("it looks as after a crash");
    mailer.mail("first", &recipient, "unknown").await;
    let other = order(&mailer, "other").await;
    mailer.mail("other", &other, "sent").await;
    assert_eq!(gate.calls(&recipient), 1);
}

#[tokio::test]
async fn a_mail_that_may_have_left_is_sent_again_only_if_somebody_says_so() {
    let (gate, mailer) = start_behind_gate().await;
    let recipient = mailer.address();
    gate.close(&recipient, Bad::Lost);
    mailer.order(None, "lost", &recipient).await;
    let unknown = eventually("the answer is lost", async || {
        Some(mailer.find("lost", &recipient).await).filter(|mail| mail["status"] == "unknown")
    })
    .await;
    gate.open();
    mailer.resend(&unknown["id"], false).await.problem(409, "may_have_left");
    // A mail behind it shows that nothing sends the lost one by itself.
    let other = order(&mailer, "other").await;
    mailer.mail("other", &other, "sent").await;
    assert_eq!((gate.calls(&recipient), handed_to_ses(&recipient).await.len()), (1, 1));
    mailer.resend(&unknown["id"], true).await.expect(202);
    mailer.mail("lost", &recipient, "sent").await;
    assert_eq!(gate.calls(&recipient), 2);
}

#[tokio::test]
async fn what_comes_to_no_end_is_given_up_and_forgotten_in_time() {
    let (gate, mailer) = start_behind_gate().await;
    gate.close(ALL, bad(400, "SendingPausedException"));
    let recipients = (mailer.address(), mailer.address(), mailer.address());
    let mut link = mailer.order(None, "waiting", &recipients.0).await;
    link.key = "expired link".into();
    link.expires_at = Some(mailer.platform.ambient.now());
    mailer.platform.publish(None, &link).await;
    let expired = mailer.mail("expired link", &recipients.0, "given_up").await;
    mailer.resend(&expired["id"], true).await.problem(409, "content_gone");
    assert_eq!(mailer.find("waiting", &recipients.0).await["status"], "queued");

    gate.open();
    mailer.mail("waiting", &recipients.0, "sent").await;
    gate.close(&recipients.1, Bad::Lost);
    mailer.order(None, "lost", &recipients.1).await;
    eventually("the answer is lost", async || {
        (mailer.find("lost", &recipients.1).await["status"] == "unknown").then_some(())
    })
    .await;
    assert_eq!(with_content(&mailer).await, 2);
    sqlx::query("UPDATE mails SET give_up_at = now()").execute(&mailer.platform.pool).await.expect("the days go by");
    mailer.mail("lost", &recipients.1, "given_up").await;
    assert_eq!(
        (with_content(&mailer).await, mailer.find("waiting", &recipients.0).await["status"].clone()),
        (0, "sent".into())
    );

    sqlx::query("UPDATE mails SET created_at = now() - interval '91 days'")
        .execute(&mailer.platform.pool)
        .await
        .expect("the months go by");
    eventually("the ledger forgets", async || {
        mailer.get("/v1/messages").await["items"].as_array()?.is_empty().then_some(())
    })
    .await;
}

async fn with_content(mailer: &Running) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM mails WHERE content_sealed IS NOT NULL")
        .fetch_one(&mailer.platform.pool)
        .await
        .expect("the ledger")
}
