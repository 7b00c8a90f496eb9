//! Attacks on passwords: strangers wait, and the owner on a device of theirs does not.

use crate::oauth::refused;
use crate::support::{Account, PASSWORD, World, path_of, registration, text};
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use std::collections::BTreeMap;
use test_support::{Link, TestAnswer, eventually, redis_url_of};

const WRONG: &str = "not the right password";
/// The network of everybody in a world without proxies.
const HERE: &str = "203.0.113.7";

/// auth behind one proxy, which says who called; Ada has a tenant.
async fn proxied() -> (World, Account) {
    let world = World::with(&[("TRUSTED_PROXIES", "1".into())]).await;
    let ada = world.account("ada@acme.test", "Acme").await;
    (world, ada)
}

async fn log_in(world: &World, source: &str, device: &str, email: &str, password: &str) -> TestAnswer {
    let request = world.server.post("/v1/sessions", &json!({"email": email, "password": password}));
    let request = if device.is_empty() { request } else { request.header("cookie", device) };
    request.header("x-forwarded-for", &format!("192.0.2.1, {source}")).await
}

/// The cookie by which a device is known, as a browser sends it.
fn device(answer: &TestAnswer) -> String {
    let cookies = answer.headers.get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    let set = cookies.filter(|cookie| cookie.starts_with("device=")).collect::<Vec<_>>();
    let [set] = set[..] else { panic!("{:?}", answer.headers) };
    assert!(set.ends_with("; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure"), "{set}");
    set.split(';').next().unwrap().to_owned()
}

/// Wrong passwords from as many networks as it takes to make strangers wait, and some more.
async fn attack_from_everywhere(world: &World, email: &str) {
    let mut refused = 0;
    for network in 0..30 {
        let answer = log_in(world, &format!("198.51.100.{network}"), "", email, WRONG).await;
        refused += usize::from(answer.status == 429);
    }
    assert_eq!(refused, 10);
}

#[tokio::test]
async fn each_wrong_password_makes_the_next_wait_longer_for_known_and_unknown_addresses_alike() {
    let (world, ada) = proxied().await;
    let mut told = Vec::new();
    for email in [&*ada.email, "nobody@acme.test"] {
        let (mut waits, mut limits) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            log_in(&world, HERE, "", email, WRONG).await.problem(401, "credentials_wrong");
        }
        for _ in 0..11 {
            let refused = log_in(&world, HERE, "", email, PASSWORD).await;
            let seconds: i64 = refused.header("retry-after").unwrap().parse().unwrap();
            waits.push(seconds);
            limits.push(
                ["limit", "remaining", "reset"]
                    .map(|name| refused.header(&format!("ratelimit-{name}")).unwrap().to_owned()),
            );
            refused.problem(429, "too_many_requests");
            world.clock.advance(TimeDelta::seconds(seconds - 1));
            log_in(&world, HERE, "", email, WRONG).await.problem(429, "too_many_requests");
            world.clock.advance(TimeDelta::seconds(1));
            log_in(&world, HERE, "", email, WRONG).await.problem(401, "credentials_wrong");
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(limits[0], ["5, 5;w=86400", "0", "2"]);
        told.push(limits);
    }
    assert_eq!(told[0], told[1]);
    // A day later it is forgotten.
    world.clock.advance(TimeDelta::days(1));
    for _ in 0..5 {
        log_in(&world, HERE, "", &ada.email, WRONG).await.problem(401, "credentials_wrong");
    }
}

#[tokio::test]
async fn the_right_password_forgets_the_wrong_ones_of_its_network_and_of_no_other() {
    let (world, ada) = proxied().await;
    for _ in 0..3 {
        for _ in 0..4 {
            log_in(&world, HERE, "", &ada.email, WRONG).await.problem(401, "credentials_wrong");
        }
        log_in(&world, HERE, "", &ada.email, PASSWORD).await.expect(201);
    }
    for _ in 0..5 {
        log_in(&world, "198.51.100.66", "", &ada.email, WRONG).await.problem(401, "credentials_wrong");
    }
    log_in(&world, HERE, "", &ada.email, PASSWORD).await.expect(201);
    log_in(&world, "198.51.100.66", "", &ada.email, PASSWORD).await.problem(429, "too_many_requests");
}

#[tokio::test]
async fn whoever_attacks_from_everywhere_does_not_delay_the_owner_on_a_device_of_theirs() {
    let (world, ada) = proxied().await;
    let known = device(&log_in(&world, HERE, "", &ada.email, PASSWORD).await);
    attack_from_everywhere(&world, &ada.email).await;
    log_in(&world, HERE, "", &ada.email, PASSWORD).await.problem(429, "too_many_requests");
    // The owner mistypes, somewhere else than before, while the attack goes on.
    for _ in 0..9 {
        log_in(&world, "203.0.113.99", &known, &ada.email, WRONG).await.problem(401, "credentials_wrong");
        log_in(&world, "198.51.100.66", "", &ada.email, WRONG).await.problem(429, "too_many_requests");
    }
    let again = log_in(&world, "203.0.113.99", &known, &ada.email, PASSWORD).await;
    assert_eq!(again.status, 201, "{}", again.text);
    // Whoever has stolen the cookie does not guess for long either.
    let stolen = device(&again);
    for _ in 0..10 {
        log_in(&world, "198.51.100.66", &stolen, &ada.email, WRONG).await.problem(401, "credentials_wrong");
    }
    log_in(&world, "198.51.100.66", &stolen, &ada.email, PASSWORD).await.problem(429, "too_many_requests");
    world.clock.advance(TimeDelta::seconds(2));
    log_in(&world, HERE, &known, &ada.email, PASSWORD).await.expect(201);
}

#[tokio::test]
async fn a_device_is_known_to_one_account_and_cannot_be_made_up() {
    let (world, ada) = proxied().await;
    let mallory = world.account("mallory@evil.test", "Evil").await;
    let mallorys = device(&log_in(&world, HERE, "", &mallory.email, PASSWORD).await);
    attack_from_everywhere(&world, &ada.email).await;
    for cookie in [&*mallorys, "device=", "device=AAAA", &format!("device={}", "A".repeat(70))] {
        log_in(&world, HERE, cookie, &ada.email, PASSWORD).await.problem(429, "too_many_requests");
    }
}

/// The way in for an owner on a new device.
#[tokio::test]
async fn whoever_resets_the_password_by_mail_has_a_known_device() {
    let (world, ada) = proxied().await;
    attack_from_everywhere(&world, &ada.email).await;
    world.server.post("/v1/password-resets", &json!({"email": ada.email})).await.expect(202);
    let link =
        eventually("the link", async || world.mails("reset-password", &ada.email).await.first().map(path_of)).await;
    let new = "eight leagues, uphill";
    let reset = world.server.post(&link, &json!({"new_password": new})).await;
    log_in(&world, HERE, "", &ada.email, new).await.problem(429, "too_many_requests");
    log_in(&world, HERE, &device(&reset), &ada.email, new).await.expect(201);
}

#[tokio::test]
async fn what_a_caller_writes_into_forwarded_for_makes_no_other_network() {
    let (world, ada) = proxied().await;
    for forged in 0..5 {
        let request = world.server.post("/v1/sessions", &json!({"email": ada.email, "password": WRONG}));
        let request = request.header("x-forwarded-for", &format!("198.51.100.{forged}, {HERE}"));
        request.await.problem(401, "credentials_wrong");
    }
    let request = world.server.post("/v1/sessions", &json!({"email": ada.email, "password": PASSWORD}));
    let request = request.header("x-forwarded-for", &format!("198.51.100.99, 198.51.100.98, {HERE}"));
    request.await.problem(429, "too_many_requests");
    log_in(&world, "198.51.100.99", "", &ada.email, PASSWORD).await.expect(201);
}

#[tokio::test]
async fn who_tries_one_password_on_many_accounts_waits_and_a_neighbour_on_a_known_device_does_not() {
    let (world, ada) = proxied().await;
    let known = device(&log_in(&world, HERE, "", &ada.email, PASSWORD).await);
    let spray = async |number: usize| log_in(&world, HERE, "", &format!("a{number}@acme.test"), WRONG).await.status;
    let mut statuses = BTreeMap::<u16, usize>::new();
    for number in 0..102 {
        *statuses.entry(spray(number).await).or_default() += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(401, 100), (429, 2)]));
    log_in(&world, HERE, "", &ada.email, PASSWORD).await.problem(429, "too_many_requests");
    log_in(&world, HERE, &known, &ada.email, PASSWORD).await.expect(201);
    log_in(&world, "203.0.113.8", "", &ada.email, PASSWORD).await.expect(201);
}

#[tokio::test]
async fn of_many_tries_at_once_only_the_free_ones_are_made() {
    let (world, ada) = proxied().await;
    let answers = join_all((0..40).map(|_| log_in(&world, HERE, "", &ada.email, WRONG))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 5);
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 35);
}

#[tokio::test]
async fn without_redis_each_process_makes_strangers_wait() {
    let redis = redis_url_of("auth");
    let link = Link::to(&redis).await;
    let world = World::with(&[("REDIS_URL", link.through(&redis))]).await;
    let ada = world.account("ada@acme.test", "Acme").await;
    link.cut();
    for _ in 0..5 {
        log_in(&world, HERE, "", &ada.email, WRONG).await.problem(401, "credentials_wrong");
    }
    log_in(&world, HERE, "", &ada.email, WRONG).await.problem(429, "too_many_requests");
    // Without Redis there are no sessions, and no attempt is used up by that.
    world.clock.advance(TimeDelta::seconds(2));
    log_in(&world, HERE, "", &ada.email, PASSWORD).await.problem(503, "unavailable");
    log_in(&world, HERE, "", &ada.email, PASSWORD).await.problem(503, "unavailable");
    link.mend();
}

#[tokio::test]
async fn an_outage_uses_up_nobodys_attempts() {
    let (world, link) = World::behind_a_link("DATABASE_URL").await;
    link.cut();
    let (new, address) = (registration("ada@acme.test", "Acme"), json!({"email": "ada@acme.test"}));
    for _ in 0..2 {
        let log_ins = join_all((0..5).map(|_| log_in(&world, HERE, "", "ada@acme.test", WRONG)));
        let registrations = join_all((0..4).map(|_| world.server.post("/v1/users", &new).send()));
        let resets = join_all((0..4).map(|_| world.server.post("/v1/password-resets", &address).send()));
        let (log_ins, registrations, resets) = tokio::join!(log_ins, registrations, resets);
        for answer in log_ins.into_iter().chain(registrations).chain(resets) {
            answer.problem(503, "unavailable");
        }
    }
    link.mend();
    for _ in 0..4 {
        world.server.post("/v1/users", &registration("ada@acme.test", "Acme")).await.expect(202);
        world.server.post("/v1/password-resets", &json!({"email": "ada@acme.test"})).await.expect(202);
    }
    for _ in 0..5 {
        log_in(&world, HERE, "", "ada@acme.test", WRONG).await.problem(401, "credentials_wrong");
    }
    log_in(&world, HERE, "", "ada@acme.test", WRONG).await.problem(429, "too_many_requests");
}

/// The link of an invitation is no other door to the password of who has an account.
#[tokio::test]
async fn a_password_tried_at_an_invitation_counts_like_one_tried_at_the_log_in() {
    let world = World::start().await;
    let ada = world.account("ada@acme.test", "Acme").await;
    let (_, token) = world.signed_in("bob@beta.test", "Beta", &["auth.inviteMembers"]).await;
    world.server.post("/v1/invitations", &json!({"email": ada.email})).bearer(&token).await.expect(202);
    let link = world.link("invitation", &ada.email).await;
    let join = async |password| world.server.post(&link, &json!({"password": password})).await;
    for _ in 0..5 {
        join(WRONG).await.problem(401, "credentials_wrong");
    }
    join(PASSWORD).await.problem(429, "too_many_requests");
    log_in(&world, HERE, "", &ada.email, PASSWORD).await.problem(429, "too_many_requests");
    world.clock.advance(TimeDelta::seconds(2));
    join(PASSWORD).await.expect(201);
    log_in(&world, HERE, "", &ada.email, PASSWORD).await.expect(201);
}

#[tokio::test]
async fn who_shows_many_wrong_secrets_waits_and_who_shows_the_right_one_never_does() {
    let world = World::start().await;
    let (_, token) = world.signed_in("ada@acme.test", "Acme", &["auth.writeClients"]).await;
    let made = world.server.post("/v1/clients", &json!({"name": "import"})).bearer(&token).await.expect(201);
    let (id, secret) = (text(&made["client"], "id"), text(&made["secret"], "secret"));
    let issue = async |secret: &str| {
        let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
        world.server.post_form("/v1/oauth/token", &form).await
    };
    for _ in 0..30 {
        refused(&issue("not its secret").await, 401, "invalid_client");
        world
            .server
            .post("/v1/password-resets/never-was-one", &json!({"new_password": PASSWORD}))
            .await
            .problem(410, "link_used");
    }
    issue("not its secret").await.problem(429, "too_many_requests");
    world
        .server
        .post("/v1/email-verifications/never-was-one", &json!({"password": PASSWORD}))
        .await
        .problem(429, "too_many_requests");
    world
        .server
        .post("/v1/invitations/never-was-one", &json!({"password": PASSWORD}))
        .await
        .problem(429, "too_many_requests");
    issue(secret).await.expect(200);
    world.account("bob@acme.test", "Beta").await;
}
