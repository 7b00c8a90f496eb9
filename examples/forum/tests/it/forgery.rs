//! Cross-site requests: can a page of another site have a visitor's browser change anything here? Every route is tried.

use crate::support::{ACME, Fixture, OnHost};
use serde_json::{Value, json};
use test_support::{SETUP_CODE, TestAnswer, TestRequest};

const NEW: &str = "new.forum.localhost";
const ROUTER: &str = include_str!("../../src/router.rs");

/// What browsers send for a page of another site, of another tenant's forum, of a sandboxed frame, and old ones for any
/// page.
const FOREIGN: [&[(&str, &str)]; 5] = [
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.test")],
    &[("sec-fetch-site", "same-site"), ("origin", "http://globex.forum.localhost")],
    &[("origin", "http://globex.forum.localhost")],
    &[("origin", "null")],
    &[],
];

struct Route {
    method: String,
    path: String,
    host: &'static str,
    json: bool,
}

/// Every route of the forum that changes something: those of its document, the pages of its router, and the setup form.
fn routes(ids: &Value) -> Vec<Route> {
    let document = product_kit::product::document::<forum::Forum>();
    let mut routes = vec![Route { method: "POST".into(), path: "/setup".into(), host: NEW, json: false }];
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys().filter(|method| *method != "get") {
            routes.push(Route { method: method.to_uppercase(), path: path.clone(), host: ACME, json: true });
        }
    }
    for line in ROUTER.lines().filter(|line| line.contains("post(")) {
        let path = line.split('"').nth(1).expect("a route begins with its path");
        routes.push(Route { method: "POST".into(), path: path.to_owned(), host: ACME, json: false });
    }
    for route in &mut routes {
        let kind = if route.path.contains("/polls/") { "poll" } else { "topic" };
        route.path = route.path.replace("{id}", ids[kind].as_str().expect("an id"));
    }
    routes
}

/// A request with everything that any of the routes asks for.
fn request(fixture: &Fixture, route: &Route, ids: &Value, sent: &[(&str, &str)]) -> TestRequest {
    let option = ids["option"].as_str().expect("an option");
    let fields = [
        ("name", "Eve"),
        ("email", "eve@example.test"),
        ("password", "correct horse"),
        ("title", "T"),
        ("body", "B"),
        ("question", "Q?"),
        ("options", "a\r\nb"),
        ("option_id", option),
        ("setup_code", SETUP_CODE),
    ];
    let request = fixture.server.request(route.method.parse().expect("a method"), &route.path);
    let request = if route.json {
        let mut body: Value = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        body["options"] = json!(["a", "b"]);
        request.body("application/json", body.to_string())
    } else {
        let pairs: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", value.replace("\r\n", "%0D%0A").replace(' ', "+")))
            .collect();
        request.body("application/x-www-form-urlencoded", pairs.join("&"))
    };
    sent.iter().fold(request, |request, (name, value)| request.header(name, value))
}

/// What could have changed.
async fn state(fixture: &Fixture) -> (Vec<i64>, Value) {
    let mut counts = Vec::new();
    for table in ["members", "sessions", "topics", "posts", "polls", "poll_votes"] {
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")));
        counts.push(count.fetch_one(&fixture.platform.pool).await.expect("counting"));
    }
    (counts, fixture.configurator.get(NEW)["state"].clone())
}

/// A topic, and a poll with an option, as the routes name them.
async fn something_there(fixture: &Fixture, token: &str) -> Value {
    let topic = fixture.post_as(token, "/v1/topics", &json!({"title": "T", "body": "B"})).await.expect(201);
    let poll = fixture.post_as(token, "/v1/polls", &json!({"question": "?", "options": ["a", "b"]})).await.expect(201);
    json!({"topic": topic["id"], "poll": poll["id"], "option": poll["options"][0]["id"]})
}

#[tokio::test]
async fn no_other_sites_page_changes_anything() {
    let fixture = Fixture::start().await;
    let mut record = fixture.configurator.get(ACME);
    (record["state"], record["database_url"]) = (json!("awaiting_setup"), Value::Null);
    fixture.configurator.put(NEW, record);
    let token = fixture.member("Ada").await;
    let (ids, cookie) = (something_there(&fixture, &token).await, format!("forum_session={token}"));
    let (routes, before) = (routes(&ids), state(&fixture).await);
    assert!(routes.len() >= 15, "too few routes were found");
    for route in &routes {
        for sent in FOREIGN {
            let mut attempts = vec![request(&fixture, route, &ids, sent).header("cookie", &cookie)];
            // Without a cookie there is still the visitor to be signed in as somebody else; a program sends none of it.
            attempts.extend((!sent.is_empty()).then(|| request(&fixture, route, &ids, sent)));
            for attempt in attempts {
                let answer: TestAnswer = attempt.on(route.host).await;
                assert_eq!(answer.status, 403, "{} {} {sent:?}: {}", route.method, route.path, answer.text);
                answer.problem(403, "cross_site");
            }
        }
    }
    assert_eq!(state(&fixture).await, before);
    // The very same from the forum's own pages is taken, or refused for what it is.
    for sent in [[("sec-fetch-site", "same-origin")], [("origin", "http://acme.forum.localhost")]] {
        for route in routes.iter().filter(|route| route.host == ACME) {
            let answer = request(&fixture, route, &ids, &sent).header("cookie", &cookie).on(ACME).await;
            assert_ne!(answer.json["code"], "cross_site", "{} {}", route.method, route.path);
        }
    }
    assert_ne!(state(&fixture).await, before);
}

#[tokio::test]
async fn a_frontend_that_cors_lets_in_may_write() {
    let fixture = Fixture::start_with(&[("CORS_ORIGINS", "https://app.acme.test")]).await;
    let (ada, grace) = (json!({"name": "Ada", "email": "ada@example.test", "password": "correct horse"}), json!({}));
    let from = |origin: &str, body: &Value| {
        fixture.server.post("/v1/members", body).header("sec-fetch-site", "cross-site").header("origin", origin)
    };
    from("https://app.acme.test", &ada).on(ACME).await.expect(201);
    from("https://app.evil.test", &grace).on(ACME).await.problem(403, "cross_site");
}
