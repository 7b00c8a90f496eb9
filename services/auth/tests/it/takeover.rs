//! Attacks on registrations: a stranger can neither take one over nor keep somebody from registering.

use crate::support::{PASSWORD, World, answered, path_of, registration, text, variable};
use chrono::TimeDelta;
use contracts::messages::TenantCreated;
use serde_json::json;
use test_support::{TestAnswer, eventually};

const VICTIM: &str = "vic@acme.test";
const MALLORYS: &str = "mallory rides along at night";

/// auth behind one proxy, which says who called.
async fn proxied() -> World {
    World::with(&[("TRUSTED_PROXIES", "1".into())]).await
}

/// A moment after the one before: which registration is the newest must not be left to chance.
async fn register(world: &World, source: &str, email: &str, password: &str, tenant: &str) -> TestAnswer {
    world.clock.advance(TimeDelta::seconds(1));
    let mut body = registration(email, tenant);
    body["password"] = password.into();
    world.server.post("/v1/users", &body).header("x-forwarded-for", &format!("192.0.2.1, {source}")).await
}

async fn confirm(world: &World, link: &str, password: &str) -> TestAnswer {
    world.server.post(link, &json!({"password": password})).await
}

async fn log_in(world: &World, password: &str) -> TestAnswer {
    world.server.post("/v1/sessions", &json!({"email": VICTIM, "password": password})).await
}

#[tokio::test]
async fn who_registers_a_victims_address_gets_nothing_and_keeps_nobody_out() {
    let world = proxied().await;
    for attempt in 0..5 {
        let answer = register(&world, "198.51.100.66", VICTIM, MALLORYS, "Evil").await;
        assert_eq!(answer.status, if attempt < 4 { 202 } else { 429 }, "{}", answer.text);
    }
    register(&world, "203.0.113.7", VICTIM, PASSWORD, "Acme").await.expect(202);
    register(&world, "198.51.100.67", VICTIM, MALLORYS, "Evil").await.expect(202);
    let mails = world.mails("verify-email", VICTIM).await;
    assert_eq!(mails.len(), 6, "the victim's own registration is mailed at once");
    let links: Vec<String> = mails.iter().map(path_of).collect();
    // The victim opens the newest mail, which is not theirs.
    let page = world.server.get(&links[5]).await.text;
    assert!(page.contains("<bdi>Evil</bdi>") && page.contains("This wasn’t me"), "{page}");
    confirm(&world, &links[5], PASSWORD).await.problem(401, "credentials_wrong");
    log_in(&world, MALLORYS).await.problem(401, "credentials_wrong");
    assert_eq!((world.count("users").await, world.count("tenants").await), (0, 0));
    assert_eq!(world.server.post_form(&format!("{}/rejection", links[5]), &[]).await.status, 204);
    confirm(&world, &links[5], MALLORYS).await.problem(410, "link_used");

    assert_eq!(text(&confirm(&world, &links[4], PASSWORD).await.expect(200), "email"), VICTIM);
    log_in(&world, MALLORYS).await.problem(401, "credentials_wrong");
    log_in(&world, PASSWORD).await.expect(201);
    for link in &links[..4] {
        confirm(&world, link, MALLORYS).await.problem(410, "link_used");
    }
    let created = world.said::<TenantCreated>().await;
    assert_eq!((created.len(), created[0].name.as_str()), (1, "Acme"));
}

#[tokio::test]
async fn many_networks_together_can_only_make_a_victim_wait() {
    let world = proxied().await;
    let ask = async |source: &str, password: &str, tenant: &str| {
        register(&world, source, VICTIM, password, tenant).await.expect(202);
    };
    for network in 0..15 {
        ask(&format!("198.51.100.{network}"), MALLORYS, "Evil").await;
    }
    ask("203.0.113.7", PASSWORD, "Acme").await;
    for _ in 0..4 {
        ask("198.51.100.99", MALLORYS, "Evil").await;
    }
    assert_eq!(world.mails("verify-email", VICTIM).await.len(), 12, "an address gets no more at once");
    assert_eq!(world.count("registrations").await, 10);
    world.send_waiting().await;
    assert_eq!(world.mails("verify-email", VICTIM).await.len(), 12);
    world.clock.advance(TimeDelta::minutes(10));
    world.send_waiting().await;
    world.send_waiting().await;
    let mails = world.mails("verify-email", VICTIM).await;
    assert_eq!(mails.len(), 13, "all that wait share one");
    assert_eq!(
        mails[12].expires_at,
        Some(world.clock.now() + TimeDelta::minutes(30)),
        "its links begin to work when it goes"
    );
    let more = variable(&mails[12], "more");
    let own = more.as_array().unwrap().iter().find(|other| other["tenant_name"] == "Acme").expect("the victim's own");
    let link = text(own, "link").strip_prefix(crate::support::PUBLIC_URL).unwrap();
    world.clock.advance(TimeDelta::minutes(29));
    confirm(&world, link, PASSWORD).await.expect(200);
    log_in(&world, PASSWORD).await.expect(201);
    eventually("nothing waits any more", async || {
        (world.count("registrations WHERE mail_waits").await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nobody_guesses_a_registrations_password_at_its_link() {
    let world = World::start().await;
    let link = world.register(VICTIM, "Acme").await;
    let guesses = futures_of(&world, &link, 14).await;
    assert_eq!(guesses.iter().filter(|status| **status == 401).count(), 10, "{guesses:?}");
    assert_eq!(guesses.iter().filter(|status| **status == 410).count(), 4, "{guesses:?}");
    confirm(&world, &link, PASSWORD).await.problem(410, "link_used");
    assert_eq!(world.server.get(&link).await.status, 410);
    let fresh = world.register(VICTIM, "Acme").await;
    confirm(&world, &fresh, "a slip of the finger").await.problem(401, "credentials_wrong");
    confirm(&world, &fresh, PASSWORD).await.expect(200);
}

/// What so many wrong passwords at once are answered.
async fn futures_of(world: &World, link: &str, guesses: usize) -> Vec<u16> {
    let url = format!("{}{link}", world.server.url);
    let tasks: Vec<_> = (0..guesses)
        .map(|guess| {
            let request = reqwest::Client::new().post(&url).json(&json!({"password": format!("guess number {guess}")}));
            tokio::spawn(async move { answered(&request).await })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses
}

#[tokio::test]
async fn a_rejected_registration_is_gone_and_another_one_is_not() {
    let world = World::start().await;
    let link = world.register(VICTIM, "Evil").await;
    let reject = async |link: &str| {
        world.server.post_form(&format!("{link}/rejection"), &[]).header("accept", "text/html").await
    };
    let thanks = reject(&link).await;
    assert!(thanks.status == 200 && thanks.text.contains("is deleted"), "{}", thanks.text);
    assert_eq!((world.count("registrations").await, reject(&link).await.status), (0, 410));
    let own = world.register(VICTIM, "Acme").await;
    confirm(&world, &own, PASSWORD).await.expect(200);
    assert_eq!(reject(&own).await.status, 410, "an account is not deleted by a link");
}

#[tokio::test]
async fn a_network_registers_only_so_often_whatever_it_says_it_is() {
    let world = proxied().await;
    for number in 0..30 {
        register(&world, "2001:db8:1:2::1", &format!("a{number}@acme.test"), PASSWORD, "Acme").await.expect(202);
    }
    let refused = register(&world, "2001:db8:1:2:ffff::9", "b@acme.test", PASSWORD, "Acme").await;
    assert_eq!(
        (refused.header("ratelimit-limit"), refused.header("ratelimit-remaining")),
        (Some("30, 30;w=3600"), Some("0"))
    );
    assert_eq!(refused.header("retry-after"), refused.header("ratelimit-reset"));
    let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    refused.problem(429, "too_many_requests");
    register(&world, "2001:db8:1:3::1", "b@acme.test", PASSWORD, "Acme").await.expect(202);
    register(&world, "2001:db8:1:2::1", "b@", PASSWORD, "Acme").await.invalid(&["email"]);
    world.clock.advance(TimeDelta::seconds(wait));
    register(&world, "2001:db8:1:2::1", "b@acme.test", PASSWORD, "Acme").await.expect(202);
}

/// Registering answers alike for every address; logging in with the registration's own password must, too.
#[tokio::test]
async fn nobody_learns_by_registering_and_logging_in_whether_an_address_has_an_account() {
    let world = World::start().await;
    world.account("ada@acme.test", "Acme").await;
    let mut answers = Vec::new();
    for address in ["ada@acme.test", "nobody@acme.test"] {
        let mut body = registration(address, "Evil");
        body["password"] = MALLORYS.into();
        let registered = world.server.post("/v1/users", &body).await.expect(202);
        let credentials = json!({"email": address, "password": MALLORYS});
        let mut refused = world.server.post("/v1/sessions", &credentials).await.problem(401, "credentials_wrong");
        refused["request_id"] = "".into();
        answers.push((registered, refused));
    }
    assert_eq!(answers[0], answers[1]);
}
