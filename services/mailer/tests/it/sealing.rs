//! While a mail waits, whoever reads the database cannot follow its links.

use crate::{
    gate::{ALL, Bad},
    support::{KEY, Running, config, handed_to_ses, start_behind_gate},
};
use contracts::{
    mails::{Mail, Registration, VerifyEmail},
    messages::SendMail,
};
use test_support::{TestServer, eventually};

/// Part of a link that lets people in.
const TOKEN: &str = "c2VjcmV0IHRva2Vu";
const OTHER_KEY: &str = "YW5vdGhlciBrZXksIGFub3RoZXIga2V5LCBhbm90aGU=";

fn paused() -> Bad {
    Bad::Answer(400, "SendingPausedException", "paused for a test".into())
}

/// Orders a mail with links; gives its recipient, which is its key as well.
async fn order(mailer: &Running) -> String {
    let recipient = mailer.address();
    let waited = Registration { link: format!("https://auth.test/{TOKEN}/more"), ..VerifyEmail::sample().registration };
    let registration = Registration { link: format!("https://auth.test/{TOKEN}"), ..waited.clone() };
    let mail = VerifyEmail { registration, more: vec![waited], ..VerifyEmail::sample() }.into();
    let order = SendMail { key: recipient.clone(), recipient: recipient.clone(), mail, expires_at: None };
    mailer.platform.publish(None, &order).await;
    recipient
}

/// The same, at a closed gate: it waits in the ledger.
async fn waiting(mailer: &Running) -> String {
    let recipient = order(mailer).await;
    mailer.with_status(&recipient, "queued").await;
    recipient
}

/// Carries out an update of `rows` mails that nobody is handing over: whoever does so has read the content already.
async fn change(mailer: &Running, sql: &str, rows: u64) {
    eventually("they are changed while they wait", async || {
        let update = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mailer.platform.pool);
        (update.await.expect("the ledger").rows_affected() == rows).then_some(())
    })
    .await;
}

async fn rows(mailer: &Running) -> String {
    let rows: Vec<String> =
        sqlx::query_scalar("SELECT mails::text FROM mails").fetch_all(&mailer.platform.pool).await.expect("the ledger");
    rows.join("\n")
}

/// As text, or as PostgreSQL writes bytes: in hexadecimal.
fn shows(rows: &str, text: &str) -> bool {
    rows.contains(text) || rows.contains(&hex::encode(text))
}

async fn is_sent_whole(mailer: &Running, recipient: &str) {
    mailer.mail(recipient, recipient, "sent").await;
    let handed = handed_to_ses(recipient).await;
    assert!(
        handed.len() == 1 && handed[0].to_string().contains(&format!("https://auth.test/{TOKEN}/more")),
        "{handed:?}"
    );
}

/// A row that says so in its reason, and the one place where all mail's state stands.
async fn is_told(mailer: &Running, recipient: &str) {
    let state = eventually("it is said", async || {
        Some(mailer.get("/v1/sending").await).filter(|state| state["code"] == "not_opened")
    })
    .await;
    assert_eq!(state["state"], "stopped", "{state}");
    eventually("the mail says so, and waits", async || {
        let mail = mailer.find(recipient, recipient).await;
        (mail["status"] == "queued" && mail["reason"].as_str()?.contains("MAIL_ENCRYPTION_KEY")).then_some(())
    })
    .await;
    assert!(handed_to_ses(recipient).await.is_empty());
}

/// The mailer with other keys.
async fn serve(mailer: &Running, key: &str, previous: &str) -> TestServer {
    let mut variables = mailer.environment.clone();
    variables.insert("MAIL_ENCRYPTION_KEY".into(), key.into());
    variables.insert("MAIL_ENCRYPTION_KEYS_PREVIOUS".into(), previous.into());
    let config = config(variables);
    mailer.platform.run_with::<mailer::Mailer>(config).await
}

#[tokio::test]
async fn the_ledger_holds_no_link_in_plain_text() {
    let (gate, mailer) = start_behind_gate().await;
    gate.close(ALL, paused());
    let recipient = waiting(&mailer).await;
    let kept = rows(&mailer).await;
    assert!(kept.contains(&recipient) && !shows(&kept, TOKEN) && !shows(&kept, "auth.test/"), "{kept}");
    gate.open();
    is_sent_whole(&mailer, &recipient).await;
    let sent = rows(&mailer).await;
    assert!(!shows(&sent, TOKEN), "{sent}");
}

/// It is ours to mend: the mail is not at its end, and the others leave.
#[tokio::test]
async fn a_row_that_was_tampered_with_is_kept_and_told() {
    let (gate, mailer) = start_behind_gate().await;
    gate.close(ALL, paused());
    let recipient = waiting(&mailer).await;
    let flip = "UPDATE mails SET content_sealed = set_byte(content_sealed, 20, get_byte(content_sealed, 20) # 1)";
    let tamper = format!("{flip} WHERE recipient = '{recipient}' AND status = 'queued'");
    change(&mailer, &tamper, 1).await;
    gate.open();
    is_told(&mailer, &recipient).await;
    let other = order(&mailer).await;
    is_sent_whole(&mailer, &other).await;
    assert!(handed_to_ses(&recipient).await.is_empty());
    // The same again, and it is as it was.
    change(&mailer, &tamper, 1).await;
    is_sent_whole(&mailer, &recipient).await;
}

/// One mail's content does not open in another's row.
#[tokio::test]
async fn content_belongs_to_its_row() {
    let (gate, mailer) = start_behind_gate().await;
    gate.close(ALL, paused());
    let (recipient, other) = (waiting(&mailer).await, waiting(&mailer).await);
    let exchanged = "UPDATE mails m SET content_sealed = o.content_sealed FROM mails o
                     WHERE o.id <> m.id AND m.status = 'queued' AND o.status = 'queued'";
    change(&mailer, exchanged, 2).await;
    gate.open();
    is_told(&mailer, &recipient).await;
    is_told(&mailer, &other).await;
}

#[tokio::test]
async fn under_another_key_mail_waits_for_the_right_one() {
    let (gate, mut mailer) = start_behind_gate().await;
    gate.close(ALL, paused());
    let recipient = waiting(&mailer).await;
    let wrong = serve(&mailer, OTHER_KEY, "").await;
    std::mem::replace(&mut mailer.server, wrong).stop().await.expect("it stops");
    gate.open();
    is_told(&mailer, &recipient).await;
    let right = serve(&mailer, KEY, "").await;
    std::mem::replace(&mut mailer.server, right).stop().await.expect("it stops");
    is_sent_whole(&mailer, &recipient).await;
}

#[tokio::test]
async fn mail_that_waits_leaves_under_a_new_key_that_knows_the_one_before() {
    let (gate, mut mailer) = start_behind_gate().await;
    gate.close(ALL, paused());
    let recipient = waiting(&mailer).await;
    let changed = serve(&mailer, OTHER_KEY, KEY).await;
    std::mem::replace(&mut mailer.server, changed).stop().await.expect("it stops");
    gate.open();
    is_sent_whole(&mailer, &recipient).await;
}
