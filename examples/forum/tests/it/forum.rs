//! Members, topics, polls, statistics, as programs use them.

use crate::support::{ACME, CALENDAR, Fixture, SEEDS};
use serde_json::json;
use sqlx::{AssertSqlSafe, raw_sql};
use test_support::eventually;

#[tokio::test]
async fn members_register_and_sign_in() {
    let fixture = Fixture::start().await;
    let ada = json!({"name": "Ada", "email": "ada@example.test", "password": "correct horse"});
    assert_eq!(fixture.post("/v1/members", &ada).await.expect(201)["name"], "Ada");
    fixture.post("/v1/members", &ada).await.problem(409, "name_taken");
    let other = json!({"name": "Other", "email": "ADA@example.test", "password": "correct horse"});
    fixture.post("/v1/members", &other).await.problem(409, "email_taken");
    let wrong = json!({"name": "a\u{0}b", "email": "nobody", "password": "short"});
    fixture.post("/v1/members", &wrong).await.invalid(&["name", "email", "password"]);
    for (email, password) in [("ada@example.test", "wrong horse"), ("nobody@example.test", "correct horse")] {
        fixture
            .post("/v1/sessions", &json!({"email": email, "password": password}))
            .await
            .problem(401, "credentials_wrong");
    }
    let session = fixture
        .post("/v1/sessions", &json!({"email": "Ada@Example.test", "password": "correct horse"}))
        .await
        .expect(201);
    assert_eq!(session["token"].as_str().map(str::len), Some(43));
}

#[tokio::test]
async fn topics_have_posts_and_only_members_write() {
    let fixture = Fixture::start().await;
    let new = json!({"title": "Which kettle?", "body": "Mine is broken."});
    fixture.post("/v1/topics", &new).await.problem(401, "token_missing");
    fixture.post_as("made-up", "/v1/topics", &new).await.problem(401, "token_invalid");
    let ada = fixture.member("Ada").await;
    fixture.post_as(&ada, "/v1/topics", &json!({"title": "", "body": ""})).await.invalid(&["title", "body"]);
    let topic = fixture.post_as(&ada, "/v1/topics", &new).await.expect(201);
    let path = format!("/v1/topics/{}", topic["id"].as_str().unwrap());
    let post = fixture.post_as(&ada, &format!("{path}/posts"), &json!({"body": "Take the red one."})).await.expect(201);
    assert_eq!((post["author"].as_str(), post["topic_id"].as_str()), (Some("Ada"), topic["id"].as_str()));

    let read = fixture.get(&path).await.expect(200);
    let bodies: Vec<_> =
        read["posts"]["items"].as_array().unwrap().iter().map(|post| post["body"].as_str().unwrap()).collect();
    assert_eq!((bodies, read["post_count"].as_i64()), (vec!["Mine is broken.", "Take the red one."], Some(2)));
    let first = fixture.get(&format!("{path}?limit=1")).await.expect(200);
    let rest = fixture
        .get(&format!("{path}?limit=1&cursor={}", first["posts"]["next_cursor"].as_str().unwrap()))
        .await
        .expect(200);
    assert_eq!(
        (rest["posts"]["items"][0]["body"].as_str(), rest["posts"].get("next_cursor")),
        (Some("Take the red one."), None)
    );
    fixture.post_as(&ada, "/v1/topics", &json!({"title": "Newer", "body": "B"})).await.expect(201);
    let topics = fixture.get("/v1/topics?limit=1").await.expect(200);
    assert_eq!(topics["items"][0]["title"], "Newer");
    let older =
        fixture.get(&format!("/v1/topics?cursor={}", topics["next_cursor"].as_str().unwrap())).await.expect(200);
    assert_eq!(
        (older["items"][0]["title"].as_str(), older["items"][0]["author"].as_str()),
        (Some("Which kettle?"), Some("Ada"))
    );
    let nowhere = format!("/v1/topics/{}/posts", fixture.platform.ambient.uuid());
    fixture.post_as(&ada, &nowhere, &json!({"body": "B"})).await.problem(404, "topic_not_found");
}

#[tokio::test]
async fn a_member_votes_once() {
    let fixture = Fixture::start().await;
    let (ada, grace) = (fixture.member("Ada").await, fixture.member("Grace").await);
    fixture.post_as(&ada, "/v1/polls", &json!({"question": "?", "options": ["a"]})).await.invalid(&["options"]);
    let poll = fixture
        .post_as(&ada, "/v1/polls", &json!({"question": "Tea or coffee?", "options": ["Tea", "Coffee"]}))
        .await
        .expect(201);
    let path = format!("/v1/polls/{}", poll["id"].as_str().unwrap());
    let (tea, coffee) =
        (json!({"option_id": poll["options"][0]["id"]}), json!({"option_id": poll["options"][1]["id"]}));
    let votes = format!("{path}/votes");
    let voted = fixture.post_as(&ada, &votes, &tea).await.expect(201);
    assert_eq!((voted["votes"].as_i64(), &voted["voted_for"]), (Some(1), &tea["option_id"]));
    fixture.post_as(&ada, &votes, &coffee).await.problem(409, "already_voted");
    fixture.post_as(&grace, &votes, &json!({"option_id": poll["id"]})).await.invalid(&["option_id"]);
    fixture.post_as(&grace, &votes, &coffee).await.expect(201);
    let result = fixture.get(&path).await.expect(200);
    let counts: Vec<_> = result["options"]
        .as_array()
        .unwrap()
        .iter()
        .map(|option| (option["label"].as_str().unwrap(), option["votes"].as_i64().unwrap()))
        .collect();
    assert_eq!((counts, result.get("voted_for")), (vec![("Tea", 1), ("Coffee", 1)], None));
    assert_eq!(fixture.get("/v1/polls").await.expect(200)["items"][0]["votes"], 2);
    let nowhere = format!("/v1/polls/{}/votes", fixture.platform.ambient.uuid());
    fixture.post_as(&ada, &nowhere, &tea).await.problem(404, "poll_not_found");
}

#[tokio::test]
async fn statistics_show_every_hour_and_sample_posts() {
    let fixture = Fixture::start().await;
    let mut tx = fixture.platform.pool.begin().await.unwrap();
    for sql in [
        CALENDAR,
        "DELETE FROM settings",
        r#"SELECT set_config('seed.settings', '{"title": "Seeded", "sample_posts": 30}', true)"#,
        SEEDS[0],
        SEEDS[1],
    ] {
        raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
    }
    let role = format!("{}_app", fixture.platform.name);
    raw_sql(AssertSqlSafe(format!("GRANT SELECT ON calendar_hours TO {role}"))).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    fixture.configurator.set(ACME, "modules", json!(["statistics"]));
    fixture.announce(ACME).await;

    let statistics = eventually("the module is there", async || {
        Some(fixture.get("/v1/statistics").await).filter(|answer| answer.status == 200)
    })
    .await;
    let hours: Vec<_> =
        statistics.json["hours"].as_array().unwrap().iter().map(|hour| hour["posts"].as_i64().unwrap()).collect();
    assert_eq!(hours.len(), 24);
    // The day began up to an hour before the first of the 24 hours.
    assert!((28..=30).contains(&hours.iter().sum::<i64>()), "{hours:?}");
    let page = fixture.get("/statistics").await;
    assert!(page.status == 200 && page.text.contains("<progress"), "{}", page.text);
    assert!(fixture.get("/").await.text.contains("Seeded"));
    assert_eq!(fixture.get("/v1/topics").await.expect(200)["items"][0]["post_count"], 30);
}
