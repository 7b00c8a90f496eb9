//! Passwords that were stolen elsewhere are refused, wherever somebody chooses one.

use crate::support::{Account, PASSWORD, World, config, environment, path_of, registration};
use auth::Auth;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use axum::{Router, extract::Path, http::HeaderMap, http::StatusCode, routing::get};
use common::ambient::Ambient;
use serde_json::json;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};
use test_support::{TestAnswer, TestPlatform, eventually};
use tokio::net::TcpListener;

const LEAKED: &str = "twelve otters on a raft";

fn hash(password: &str) -> String {
    hex::encode_upper(digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()))
}

/// A file with the leaked password among others, removed in the end.
struct List(PathBuf);

impl List {
    fn write(lines: impl IntoIterator<Item = String>) -> Self {
        let path = std::env::temp_dir().join(format!("leaked-{}", Ambient::system().uuid()));
        std::fs::write(&path, lines.into_iter().collect::<String>()).unwrap();
        Self(path)
    }

    fn of_many() -> Self {
        let mut lines: Vec<_> = (0..3000).map(|number| hash(&number.to_string())).chain([hash(LEAKED)]).collect();
        lines.sort_unstable();
        Self::write(lines.iter().enumerate().map(|(count, hash)| format!("{hash}:{}\r\n", count * count)))
    }

    fn setting(&self) -> (&'static str, String) {
        ("LEAKED_PASSWORDS_FILE", self.0.display().to_string())
    }
}

impl Drop for List {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn register(world: &World, email: &str, password: &str) -> TestAnswer {
    let mut body = registration(email, "Acme");
    body["password"] = password.into();
    world.server.post("/v1/users", &body).await
}

#[track_caller]
fn leaked(answer: TestAnswer, field: &str) {
    assert_eq!(
        (&answer.json["errors"][0]["field"], &answer.json["errors"][0]["code"]),
        (&json!(field), &json!("leaked"))
    );
    answer.invalid(&[field]);
}

async fn reset_link(world: &World, account: &Account) -> String {
    world.server.post("/v1/password-resets", &json!({"email": account.email})).await.expect(202);
    eventually("the link", async || world.mails("reset-password", &account.email).await.first().map(path_of)).await
}

#[tokio::test]
async fn a_password_of_the_list_is_refused_wherever_somebody_chooses_one() {
    let list = List::of_many();
    let world = World::with(&[list.setting()]).await;
    leaked(register(&world, "carol@acme.test", LEAKED).await, "password");
    assert_eq!(world.count("registrations").await, 0);
    let (ada, token) = world.signed_in("ada@acme.test", "Acme", &["auth.inviteMembers"]).await;
    let change = json!({"current_password": PASSWORD, "new_password": LEAKED});
    leaked(world.server.post("/v1/me/password", &change).bearer(&token).await, "new_password");
    let link = reset_link(&world, &ada).await;
    leaked(world.server.post(&link, &json!({"new_password": LEAKED})).await, "new_password");
    world.server.post("/v1/invitations", &json!({"email": "bob@acme.test"})).bearer(&token).await.expect(202);
    let link = world.link("invitation", "bob@acme.test").await;
    leaked(world.server.post(&link, &json!({"display_name": "Bob", "password": LEAKED})).await, "password");
    assert_eq!(world.count("users WHERE password_version = 1").await, 1);
    world.server.post(&link, &json!({"display_name": "Bob", "password": PASSWORD})).await.expect(201);
    // Looking for one that is good enough uses up no mail of the address.
    for _ in 0..6 {
        leaked(register(&world, "carol@acme.test", LEAKED).await, "password");
    }
    register(&world, "carol@acme.test", PASSWORD).await.expect(202);
}

#[tokio::test]
async fn auth_does_not_start_with_a_list_that_is_none() {
    let platform = TestPlatform::of::<Auth>().await;
    let start = async |path: String| {
        let mut variables = environment(&platform);
        let own = [("AUTH_URL", "http://127.0.0.1:1".into()), ("TOKEN_ISSUER", "http://127.0.0.1:1".into())];
        variables.extend(own.into_iter().chain([("LEAKED_PASSWORDS_FILE", path)]).map(|(n, v)| (n.to_owned(), v)));
        let app = service_kit::app::<Auth>(config(variables), Ambient::system()).await;
        app.err().map(|error| format!("{error:#}"))
    };
    let passwords = List::write(["correct horse battery staple\n".to_owned()]);
    let unsorted = List::write([format!("{}:1\n", hash("2")), format!("{}:1\n", hash("1"))]);
    assert!(hash("1") < hash("2"), "{} {}", hash("1"), hash("2"));
    for (path, told) in [
        ("/nowhere/at/all".to_owned(), "No such file"),
        (passwords.0.display().to_string(), "no line of the form"),
        (unsorted.0.display().to_string(), "not in the order"),
    ] {
        let fault = start(path.clone()).await.expect("a fault");
        assert!(fault.contains("LEAKED_PASSWORDS_FILE") && fault.contains(&path) && fault.contains(told), "{fault}");
    }
    let list = List::of_many();
    assert_eq!(start(list.0.display().to_string()).await, None);
}

/// What a range API does, and what it was asked: prefixes, and whether padding was wanted.
struct RangeServer {
    url: String,
    asked: Arc<Mutex<Vec<(String, bool)>>>,
    answer: Arc<Mutex<Option<(u16, String)>>>,
}

impl RangeServer {
    /// Of that leaked password; another answer is given where one is set, or none at all where its status is 0.
    async fn start() -> Self {
        let (asked, answer) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<Mutex<Option<(u16, String)>>>::default());
        let (noted, other) = (Arc::clone(&asked), Arc::clone(&answer));
        let range = get(async move |Path(prefix): Path<String>, headers: HeaderMap| {
            noted
                .lock()
                .unwrap()
                .push((prefix.clone(), headers.get("add-padding").is_some_and(|value| value == "true")));
            let other = other.lock().unwrap().clone();
            match other {
                Some((0, _)) => std::future::pending().await,
                Some((status, body)) => (StatusCode::from_u16(status).unwrap(), body),
                None => (StatusCode::OK, range_of(&prefix)),
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/range/{prefix}", range)).await });
        Self { url, asked, answer }
    }
}

/// The leaked password, and the usual one as padding.
fn range_of(prefix: &str) -> String {
    let line = |password: &str, count: u32| {
        hash(password).strip_prefix(prefix).map(|rest| format!("{rest}:{count}\r\n")).unwrap_or_default()
    };
    format!("{:035}:7\r\n{}{}", 0, line(LEAKED, 12), line(PASSWORD, 0))
}

#[tokio::test]
async fn a_range_api_learns_five_digits_and_refuses_what_is_leaked() {
    let api = RangeServer::start().await;
    let world = World::with(&[("LEAKED_PASSWORDS_URL", format!("{}/", api.url))]).await;
    leaked(register(&world, "ada@acme.test", LEAKED).await, "password");
    register(&world, "ada@acme.test", PASSWORD).await.expect(202);
    register(&world, "ada@acme.test", "passwordpassword").await.invalid(&["password"]);
    let prefix = |password| (hash(password)[..5].to_owned(), true);
    assert_eq!(*api.asked.lock().unwrap(), [prefix(LEAKED), prefix(PASSWORD)], "what is weak anyway is not asked for");
}

#[tokio::test]
async fn while_the_range_api_is_away_the_embedded_list_decides_and_it_is_counted() {
    let api = RangeServer::start().await;
    let world = World::with(&[("LEAKED_PASSWORDS_URL", api.url.clone())]).await;
    let (mut failed, _) = (0, common::telemetry::metrics());
    for (status, body) in [(503, String::new()), (404, String::new()), (200, "x".repeat(600_000)), (0, String::new())] {
        *api.answer.lock().unwrap() = Some((status, body));
        register(&world, &format!("ada{failed}@acme.test"), LEAKED).await.expect(202);
        register(&world, "bob@acme.test", "passwordpassword").await.invalid(&["password"]);
        failed += 1;
        let metrics = world.server.ops("/metrics").await.text;
        let line = format!("leaked_password_checks_total{{outcome=\"failed\"}} {failed}");
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
    *api.answer.lock().unwrap() = None;
    leaked(register(&world, "ada@acme.test", LEAKED).await, "password");
}
