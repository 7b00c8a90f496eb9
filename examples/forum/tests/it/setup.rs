//! The setup form on an instance's own host.

use crate::support::{ACME, Fixture, OnHost};
use serde_json::json;
use test_support::{MOST_WRONG_CODES, SETUP_CODE, eventually};

const NEW: &str = "new.forum.localhost";

async fn awaiting_setup() -> Fixture {
    let fixture = Fixture::start().await;
    let mut record = fixture.configurator.get(ACME);
    record["state"] = json!("awaiting_setup");
    record["database_url"] = json!(null);
    fixture.configurator.put(NEW, record);
    fixture
}

#[tokio::test]
async fn the_form_is_the_home_page_until_it_is_filled_in() {
    let fixture = awaiting_setup().await;
    let form = fixture.server.get(&format!("/?setup_code={SETUP_CODE}")).on(NEW).await;
    assert_eq!(form.status, 200);
    let (title, welcome, posts) =
        (form.text.find("name=\"title\""), form.text.find("name=\"welcome\""), form.text.find("name=\"sample_posts\""));
    assert!(title.is_some() && title < welcome && welcome < posts, "{}", form.text);
    assert!(form.text.contains(&format!("value=\"{SETUP_CODE}\"")), "{}", form.text);
    fixture.server.get("/v1/topics").on(NEW).await.problem(503, "unavailable");
    let page = fixture.server.get("/topics/new").header("accept", "text/html").on(NEW).await;
    assert_eq!((page.status, page.header("location")), (303, Some("/")));
}

#[tokio::test]
async fn a_wrong_form_says_what_is_wrong_and_keeps_what_was_right() {
    let fixture = awaiting_setup().await;
    let fields = [("title", " "), ("welcome", "<b>Hello"), ("sample_posts", "many"), ("setup_code", "WRONG")];
    let again = fixture.server.post_form("/setup", &fields).on(NEW).await;
    assert_eq!(again.status, 422);
    for part in [
        "is required",
        "must be of type integer",
        "is not this instance&#x27;s setup code",
        "&lt;b&gt;Hello",
        "value=\"many\"",
        "value=\"WRONG\"",
    ] {
        assert!(again.text.contains(part), "{part} not in {}", again.text);
    }
    assert_eq!(fixture.configurator.get(NEW)["state"], "awaiting_setup");
}

#[tokio::test]
async fn a_right_form_leads_to_the_forum() {
    let fixture = awaiting_setup().await;
    let fields = [("title", "Acme talks"), ("welcome", ""), ("sample_posts", "3"), ("setup_code", SETUP_CODE)];
    let taken = fixture.server.post_form("/setup", &fields).on(NEW).await;
    assert_eq!((taken.status, taken.header("location")), (303, Some("/")));
    assert_eq!(fixture.configurator.get(NEW)["settings"], json!({"title": "Acme talks", "sample_posts": 3}));
    let waiting = fixture.server.get("/").on(NEW).await;
    assert_eq!(waiting.header("retry-after"), Some("1"));
    waiting.problem(503, "unavailable");
    // A second browser's form comes too late, and is shown where things stand.
    assert_eq!(fixture.server.post_form("/setup", &fields).on(NEW).await.status, 303);

    fixture.configurator.put(NEW, fixture.configurator.get(ACME));
    fixture.announce(NEW).await;
    let home = eventually("the forum is there", async || {
        Some(fixture.server.get("/").on(NEW).await).filter(|page| page.status == 200)
    })
    .await;
    assert!(home.text.contains("Come in."), "{}", home.text);
    assert_eq!(fixture.server.post_form("/setup", &fields).on("nobody.localhost").await.status, 404);
}

#[tokio::test]
async fn a_visitor_who_guesses_is_told_to_wait_and_the_right_code_still_works() {
    let fixture = awaiting_setup().await;
    let fields = |code: &'static str| [("title", "Acme talks"), ("setup_code", code)];
    for _ in 0..MOST_WRONG_CODES {
        assert_eq!(fixture.server.post_form("/setup", &fields("WRONG")).on(NEW).await.status, 422);
    }
    let refused = fixture.server.post_form("/setup", &fields("WRONG")).on(NEW).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("17")));
    assert!(
        refused.text.contains("try again in 17 seconds") && refused.text.contains("value=\"Acme talks\""),
        "{}",
        refused.text
    );
    assert_eq!(
        fixture.configurator.wrong_codes().into_keys().collect::<Vec<_>>(),
        ["127.0.0.1"],
        "the visitor's address, told by the product"
    );
    assert_eq!(fixture.server.post_form("/setup", &fields(SETUP_CODE)).on(NEW).await.status, 303);
}
