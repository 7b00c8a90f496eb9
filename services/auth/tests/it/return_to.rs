//! The way back to the frontend, after the link of a mail.

use crate::support::{PASSWORD, World, registration};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use test_support::TestAnswer;

const BACK: &str = "https://app.example.com/welcome?from=mail#/start";

async fn start() -> World {
    World::with(&[("CORS_ORIGINS", "https://app.example.com,http://localhost:3000".into())]).await
}

/// What a page shows leads to the frontend, by its link and by itself, and nowhere else.
fn assert_leads_back(page: &TestAnswer, status: u16) {
    assert_eq!(page.status, status, "{}", page.text);
    assert_eq!(page.header("refresh"), Some(format!("5; url={BACK}").as_str()));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "the link is a secret");
    let shown = page.text.replace("&#x2f;", "/");
    assert_eq!((shown.matches("href=").count(), shown.contains(&format!("href=\"{BACK}\""))), (1, true), "{shown}");
}

#[tokio::test]
async fn confirming_an_address_leads_back() {
    let world = start().await;
    let mut body = registration("ada@acme.test", "Acme");
    body["return_to"] = BACK.into();
    world.server.post("/v1/users", &body).await.expect(202);
    // What somebody adds to the link counts for nothing.
    let link = format!("{}?return_to=https://evil.test/", world.link("verify-email", "ada@acme.test").await);
    let html = |fields: &[(&str, &str)]| world.server.post_form(&link, fields).header("accept", "text/html");
    let wrong = html(&[("password", "not the one that I chose")]).await;
    assert_eq!((wrong.status, wrong.header("refresh")), (401, None));
    assert!(!wrong.text.contains("evil.test"), "{}", wrong.text);
    assert_leads_back(&html(&[("password", PASSWORD), ("return_to", "https://evil.test/")]).await, 200);
}

#[tokio::test]
async fn whoever_has_an_account_is_led_to_the_frontend_once_an_hour_whichever_page_is_named() {
    let world = start().await;
    world.account("ada@acme.test", "Acme").await;
    let notices = async || -> BTreeMap<String, Value> {
        let mails = world.mails("account-exists", "ada@acme.test").await.into_iter();
        mails.map(|mail| (mail.key, serde_json::to_value(mail.mail).unwrap())).collect()
    };
    for page in [BACK, "https://app.example.com/another"] {
        let mut body = registration("ada@acme.test", "Acme");
        body["return_to"] = page.into();
        world.server.post("/v1/users", &body).await.expect(202);
    }
    let told = notices().await;
    let links: Vec<_> = told.values().map(|mail| &mail["variables"]["link"]).collect();
    assert_eq!(links, ["https://app.example.com"]);
}

#[tokio::test]
async fn joining_leads_back() {
    let world = start().await;
    let (_, token) = world.signed_in("ada@acme.test", "Acme", &["auth.inviteMembers"]).await;
    let invited = json!({"email": "bob@acme.test", "return_to": BACK});
    world.server.post("/v1/invitations", &invited).bearer(&token).await.expect(202);
    let link = world.link("invitation", "bob@acme.test").await;
    let fields = [("display_name", "Bob"), ("password", PASSWORD)];
    let page = world.server.post_form(&link, &fields).header("accept", "text/html").await;
    assert_leads_back(&page, 201);
}

#[tokio::test]
async fn without_an_address_our_page_is_the_last_one() {
    let world = start().await;
    let link = world.register("ada@acme.test", "Acme").await;
    let page = world.server.post_form(&link, &[("password", PASSWORD)]).header("accept", "text/html").await;
    assert_eq!((page.status, page.header("refresh"), page.text.contains("href=")), (200, None, false));
}

#[tokio::test]
async fn nobody_is_led_to_an_origin_that_may_not_call_us() {
    let world = start().await;
    let (_, token) = world.signed_in("ada@acme.test", "Acme", &["auth.inviteMembers"]).await;
    for address in ["https://evil.test/", "https://app.example.com@evil.test/", "javascript:alert(1)", "/welcome"] {
        let mut body = registration("bob@acme.test", "Bobs");
        body["return_to"] = address.into();
        let refused = world.server.post("/v1/users", &body).await.problem(422, "invalid");
        assert_eq!(refused["errors"][0]["code"], "return_to_not_allowed", "{address}");
        let invited = json!({"email": "bob@acme.test", "return_to": address});
        world.server.post("/v1/invitations", &invited).bearer(&token).await.invalid(&["return_to"]);
    }
    assert_eq!((world.count("registrations WHERE used_at IS NULL").await, world.count("invitations").await), (0, 0));
}
