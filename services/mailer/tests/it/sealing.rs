//! While a mail waits, whoever reads the database cannot follow its links.

use crate::{
    gate::{ALL, Bad, Gate},
    support::{KEY, Running, config, handed_to_ses, start_behind},
};
use contracts::messages::SendMail;
use serde_json::{Value, json};
use test_support::{TestServer, eventually};

/// Part of a link that lets people in.
const TOKEN: &str = "c2VjcmV0IHRva2Vu";
fn paused() -> Bad {
    Bad::Answer(400, "SendingPausedException", "paused for a test".into())
}

/// Orders a mail with links; gives its recipient, which is its key as well.
async fn order(mailer: &Running) -> String {
    let recipient = mailer.address();
    let more =
        json!([{"display_name": "Eve", "tenant_name": "Evil", "link": format!("https://auth.test/{TOKEN}/more")}]);
    let variables =
        json!({"display_name": "Ada", "link": format!("https://auth.test/{TOKEN}"), "minutes": 30, "more": more});
    let Value::Object(variables) = variables else { unreachable!() };
    let order = SendMail {
        key: recipient.clone(),
        template: "verify-email".into(),
        recipient: recipient.clone(),
        variables,
        expires_at: None,
    };
    mailer.platform.publish(None, &order).await;
    recipient
}

/// The same, at a closed gate: it waits in the ledger.
async fn waiting(mailer: &Running) -> String {
    let recipient = order(mailer).await;
    mailer.with_status(&recipient, "queued").await;
    recipient
}

async fn change(mailer: &Running, sql: &str) -> u64 {
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()))
        .execute(&mailer.platform.pool)
        .await
        .expect("the ledger")
        .rows_affected()
}

async fn rows(mailer: &Running) -> String {
    let rows: Vec<String> = sqlx::query_scalar("SELECT messages::text FROM messages")
        .fetch_all(&mailer.platform.pool)
        .await
        .expect("the ledger");
    rows.join("\n")
}

/// As text, or as PostgreSQL writes bytes: in hexadecimal.
fn shows(rows: &str, text: &str) -> bool {
    let bytes: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    rows.contains(text) || rows.contains(&bytes)
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

async fn serve(mailer: &Running, key: &str) -> TestServer {
    let mut variables = mailer.environment.clone();
    variables.insert("MAIL_ENCRYPTION_KEY".into(), key.into());
    let config = config(variables);
    mailer.platform.run_with::<mailer::Mailer>(config).await
}

#[tokio::test]
async fn the_ledger_holds_no_link_in_plain_text() {
    let gate = Gate::start().await;
    let mailer = start_behind(&gate).await;
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
    let gate = Gate::start().await;
    let mailer = start_behind(&gate).await;
    gate.close(ALL, paused());
    let recipient = waiting(&mailer).await;
    let flip =
        "UPDATE messages SET variables_sealed = set_byte(variables_sealed, 20, get_byte(variables_sealed, 20) # 1)";
    let tamper = format!("{flip} WHERE recipient = '{recipient}'");
    assert_eq!(change(&mailer, &tamper).await, 1);
    gate.open();
    is_told(&mailer, &recipient).await;
    let other = order(&mailer).await;
    is_sent_whole(&mailer, &other).await;
    assert!(handed_to_ses(&recipient).await.is_empty());
    // The same again, and it is as it was.
    assert_eq!(change(&mailer, &tamper).await, 1);
    is_sent_whole(&mailer, &recipient).await;
}

/// One mail's content does not open in another's row.
#[tokio::test]
async fn content_belongs_to_its_row() {
    let gate = Gate::start().await;
    let mailer = start_behind(&gate).await;
    gate.close(ALL, paused());
    let (recipient, other) = (waiting(&mailer).await, waiting(&mailer).await);
    let exchanged = "UPDATE messages m SET variables_sealed = o.variables_sealed FROM messages o WHERE o.id <> m.id";
    assert_eq!(change(&mailer, exchanged).await, 2);
    gate.open();
    is_told(&mailer, &recipient).await;
    is_told(&mailer, &other).await;
}

#[tokio::test]
async fn under_another_key_mail_waits_for_the_right_one() {
    let gate = Gate::start().await;
    let mut mailer = start_behind(&gate).await;
    gate.close(ALL, paused());
    let recipient = waiting(&mailer).await;
    let wrong = serve(&mailer, "YW5vdGhlciBrZXksIGFub3RoZXIga2V5LCBhbm90aGU=").await;
    std::mem::replace(&mut mailer.server, wrong).stop().await.expect("it stops");
    gate.open();
    is_told(&mailer, &recipient).await;
    let right = serve(&mailer, KEY).await;
    std::mem::replace(&mut mailer.server, right).stop().await.expect("it stops");
    is_sent_whole(&mailer, &recipient).await;
}

/// They would find no content, and end the mail as failed.
#[tokio::test]
async fn processes_of_the_version_before_pass_a_sealed_mail_by() {
    let gate = Gate::start().await;
    let mailer = start_behind(&gate).await;
    gate.close(ALL, paused());
    let recipient = waiting(&mailer).await;
    let mut tx = mailer.platform.pool.begin().await.expect("a transaction");
    for (statement, rows) in [
        ("UPDATE messages SET status = 'queued'", 1),
        ("UPDATE messages SET status = 'sending', claim = gen_random_uuid() WHERE status IN ('queued', 'held')", 0),
        ("UPDATE messages SET status = 'sending', opener = gen_random_uuid() WHERE status IN ('queued', 'held')", 1),
    ] {
        assert_eq!(
            sqlx::query(statement).execute(&mut *tx).await.expect("the ledger").rows_affected(),
            rows,
            "{statement}"
        );
    }
    tx.rollback().await.expect("nothing was changed");
    gate.open();
    is_sent_whole(&mailer, &recipient).await;
}

#[tokio::test]
async fn a_row_of_the_version_before_is_still_sent() {
    let gate = Gate::start().await;
    let mailer = start_behind(&gate).await;
    gate.close(ALL, paused());
    let recipient = waiting(&mailer).await;
    let variables = json!({"display_name": "Ada", "link": "https://auth.test/1", "minutes": 30,
        "more": [{"display_name": "Eve", "tenant_name": "Evil", "link": format!("https://auth.test/{TOKEN}/more")}]});
    let plain = format!("UPDATE messages SET variables = '{variables}', variables_sealed = NULL");
    assert_eq!(change(&mailer, &plain).await, 1);
    gate.open();
    is_sent_whole(&mailer, &recipient).await;
}
