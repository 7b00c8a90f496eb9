//! The forum as a browser meets it: forms, a cookie, and text that stays text.

use crate::support::{ACME, Fixture, OnHost};

const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

/// Registers by the form; gives the cookie.
async fn cookie(fixture: &Fixture, name: &str) -> String {
    let email = format!("{}@example.test", name.len());
    let answer =
        fixture.form("", "/register", &[("name", name), ("email", &email), ("password", "correct horse")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{}", answer.text);
    let set = answer.header("set-cookie").expect("a cookie").to_owned();
    assert!(set.contains("; HttpOnly; SameSite=Lax"), "{set}");
    set.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn what_members_write_is_escaped_everywhere() {
    let fixture = Fixture::start().await;
    sqlx::query("UPDATE settings SET title = $1, welcome = $1")
        .bind(EVIL)
        .execute(&fixture.platform.pool)
        .await
        .unwrap();
    let cookie = cookie(&fixture, "<script>x</script>").await;
    let topic = fixture.form(&cookie, "/topics", &[("title", EVIL), ("body", EVIL)]).await;
    let topic = topic.header("location").expect("the new topic").to_owned();
    let poll = fixture.form(&cookie, "/polls", &[("question", EVIL), ("options", "<script>a\r\n<script>b")]).await;
    let poll = poll.header("location").expect("the new poll").to_owned();
    for path in ["/", &topic, "/polls", &poll] {
        let page = fixture.server.get(path).cookie(&cookie).on(ACME).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text.contains("&lt;script&gt;"), "{path}: {}", page.text);
        assert!(!page.text.contains("<script") && !page.text.contains("<img"), "{path}: {}", page.text);
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
}

#[tokio::test]
async fn forms_work_without_scripts() {
    let fixture = Fixture::start().await;
    let style = fixture.get("/style.css").await;
    assert_eq!((style.status, style.header("content-type")), (200, Some("text/css; charset=utf-8")));
    let stranger = fixture.form("", "/topics", &[("title", "T"), ("body", "B")]).await;
    assert_eq!((stranger.status, stranger.header("location")), (303, Some("/sign-in")));
    let again = fixture.form("", "/register", &[("name", "Ada"), ("email", "nobody"), ("password", "short")]).await;
    assert_eq!(again.status, 422);
    assert!(
        again.text.contains("email must be an e-mail address.")
            && again.text.contains("value=\"Ada\"")
            && !again.text.contains("value=\"short\""),
        "{}",
        again.text
    );

    let ada = cookie(&fixture, "Ada").await;
    let topic = fixture.form(&ada, "/topics", &[("title", "Kettles"), ("body", "Which?")]).await;
    let topic = topic.header("location").expect("the new topic").to_owned();
    let empty = fixture.form(&ada, &format!("{topic}/posts"), &[("body", " ")]).await;
    assert!(empty.status == 422 && empty.text.contains("body is required."), "{}", empty.text);
    let reply = fixture.form(&ada, &format!("{topic}/posts"), &[("body", "The red one.")]).await;
    assert!(reply.header("location").is_some_and(|location| location.starts_with(&topic)));
    let page = fixture.get(&topic).await;
    assert!(page.text.contains("The red one.") && page.text.contains("to post"), "{}", page.text);

    let forged = fixture
        .server
        .post_form("/topics", &[("title", "T"), ("body", "B")])
        .header("cookie", &ada)
        .header("sec-fetch-site", "same-site")
        .on(ACME)
        .await;
    assert_eq!(forged.status, 403);
    let out = fixture.form(&ada, "/sign-out", &[]).await;
    assert!(out.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    let stale = fixture.server.get("/").cookie(&ada).on(ACME).await;
    assert!(stale.status == 200 && stale.text.contains("Register"), "{}", stale.text);
    let wrong = fixture.form("", "/sign-in", &[("email", "3@example.test"), ("password", "wrong horse")]).await;
    assert!(wrong.status == 401 && wrong.text.contains("Address or password is wrong."), "{}", wrong.text);
    let back = fixture.form("", "/sign-in", &[("email", "3@example.test"), ("password", "correct horse")]).await;
    assert_eq!(back.status, 303);
    let lost = fixture.server.get("/topics/nothing").header("accept", "text/html").on(ACME).await;
    assert!(lost.status == 404 && lost.text.contains("That did not work"), "{}", lost.text);
}

#[tokio::test]
async fn a_vote_is_one_click() {
    let fixture = Fixture::start().await;
    let ada = cookie(&fixture, "Ada").await;
    let poll = fixture.form(&ada, "/polls", &[("question", "Tea?"), ("options", "Yes\r\n\r\nNo")]).await;
    let poll = poll.header("location").expect("the new poll").to_owned();
    let page = fixture.server.get(&poll).cookie(&ada).on(ACME).await.text;
    let option = page.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an option").to_owned();
    let voted = fixture.form(&ada, &format!("{poll}/votes"), &[("option_id", &option)]).await;
    assert_eq!((voted.status, voted.header("location")), (303, Some(poll.as_str())));
    let page = fixture.server.get(&poll).cookie(&ada).on(ACME).await.text;
    assert!(page.contains("(your vote)") && !page.contains("type=\"radio\""), "{page}");
    let again = fixture.form(&ada, &format!("{poll}/votes"), &[("option_id", &option)]).await;
    assert!(again.status == 409 && again.text.contains("voted in this poll already"), "{}", again.text);
}
