//! Authenticator apps: enrolment, the second step of a log-in, and codes that work once.

use crate::{
    authenticator::{App, Enrolled, begin, by_code, complete, confirm, me, password, send, step_up},
    support::{PASSWORD, World, path_of, text, variable},
};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;
use test_support::{Link, eventually, redis_url_of};

#[tokio::test]
async fn an_app_is_asked_for_at_the_next_log_in() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    let none = send(&world, &session, Method::GET, "").await.expect(200);
    assert_eq!(none, json!({"passkeys": [], "recovery_codes_left": 0}));
    let begun = begin(&world, &session).await;
    assert_eq!(begun.header("cache-control"), Some("no-store"));
    let begun = begun.expect(200);
    let app = App::new(&begun);
    let uri = text(&begun, "uri");
    assert!(uri.starts_with("otpauth://totp/Sevenleague:ada%40acme%2Etest?secret="), "{uri}");
    password(&world, &ada.email).await.expect(201);
    confirm(&world, &session, &app.wrong_code(&world)).await.invalid(&["code"]);
    confirm(&world, &session, "12345").await.invalid(&["code"]);
    let codes = confirm(&world, &session, &app.code(&world, 0)).await.expect(200);
    assert_eq!(codes["recovery_codes"].as_array().unwrap().len(), 10);

    let asked = password(&world, &ada.email).await;
    assert_eq!((asked.header("set-cookie"), asked.header("cache-control")), (None, Some("no-store")));
    let asked = asked.expect(202);
    assert_eq!((text(&asked, "status"), &asked["expires_in"]), ("second_factor_required", &json!(300)));
    assert_eq!((&asked["methods"], &asked["access_token"]), (&json!(["totp", "recovery_code"]), &json!(null)));
    let challenge = text(&asked, "challenge");
    let answer = by_code(&world, challenge, &app.next_code(&world)).await;
    assert!(answer.header("set-cookie").unwrap().starts_with("refresh_token="));
    let answer = answer.expect(201);
    let claims = world.verifier().verify(text(&answer, "access_token")).await.unwrap();
    assert_eq!((claims.amr.join(" "), claims.acr.as_deref()), ("mfa otp pwd".to_owned(), Some("aal2")));
    by_code(&world, challenge, &app.next_code(&world)).await.problem(410, "login_challenge_over");
    let listed = send(&world, &answer, Method::GET, "").await.expect(200);
    assert_eq!((listed["totp"]["confirmed_at"].is_string(), &listed["recovery_codes_left"]), (true, &json!(10)));
    let stored: Vec<u8> =
        sqlx::query_scalar("SELECT sealed_secret FROM totp_factors").fetch_one(&world.platform.pool).await.unwrap();
    assert_eq!(stored.len(), 12 + 20 + 16, "sealed");
}

#[tokio::test]
async fn a_new_factor_ends_every_other_session_and_its_owner_is_told() {
    let (world, ada) = World::with_ada().await;
    let (here, there) = (world.log_in(&ada).await, world.log_in(&ada).await);
    let app = App::new(&begin(&world, &here).await.expect(200));
    me(&world, &there).await.expect(200);
    confirm(&world, &here, &app.code(&world, 0)).await.expect(200);
    me(&world, &there).await.problem(401, "session_ended");
    me(&world, &here).await.expect(200);
    let mails = world.mails("second-factor-changed", &ada.email).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(variable(&mails[0], "change"), json!("totp_added"));
    assert_eq!(world.count("session_endings").await, 0, "Redis knows");
    begin(&world, &here).await.problem(401, "insufficient_user_authentication");
    let by_app = step_up(&world, &here, json!({"proof": {"method": "totp", "code": app.next_code(&world)}})).await;
    begin(&world, &by_app.expect(200)).await.problem(409, "totp_exists");
}

#[tokio::test]
async fn a_code_is_taken_once_and_a_clock_may_be_a_step_off() {
    let (world, ada) = Enrolled::ada().await;
    let enrolment = ada.app.code(&world, 0);
    by_code(&world, &ada.challenge(&world).await, &enrolment).await.problem(401, "second_factor_wrong");
    world.clock.advance(TimeDelta::minutes(5));
    for (later, status) in [(-2, 401), (2, 401), (-1, 201), (-1, 401), (1, 201), (0, 401), (1, 401)] {
        let code = ada.app.code(&world, later);
        let answer = by_code(&world, &ada.challenge(&world).await, &code).await;
        assert_eq!(answer.status, status, "{later}: {}", answer.text);
    }
}

#[tokio::test]
async fn of_many_log_ins_with_one_code_one_succeeds() {
    let (world, ada) = Enrolled::ada().await;
    let challenges = [ada.challenge(&world).await, ada.challenge(&world).await, ada.challenge(&world).await];
    let code = ada.app.next_code(&world);
    let send = async |challenge: &str| by_code(&world, challenge, &code).await.status;
    let [a, b, c] = &challenges;
    // Two by one challenge, and one each by two others.
    let (a, again, b, c) = tokio::join!(send(a), send(a), send(b), send(c));
    let mut answers = [a, again, b, c];
    answers.sort_unstable();
    assert!(answers[0] == 201 && answers[1..].iter().all(|status| [401, 410].contains(status)), "{answers:?}");
}

#[tokio::test]
async fn a_challenge_is_over_after_five_minutes_or_five_wrong_codes() {
    let (world, ada) = Enrolled::ada().await;
    let (late, guessed) = (ada.challenge(&world).await, ada.challenge(&world).await);
    for _ in 0..5 {
        by_code(&world, &guessed, &ada.app.wrong_code(&world)).await.problem(401, "second_factor_wrong");
    }
    let code = ada.app.next_code(&world);
    by_code(&world, &guessed, &code).await.problem(410, "login_challenge_over");
    by_code(&world, "never-was-one", &code).await.problem(410, "login_challenge_over");
    by_code(&world, &late, "12 34").await.invalid(&["proof.code"]);
    world.clock.advance(TimeDelta::minutes(5));
    let code = ada.app.code(&world, 0);
    by_code(&world, &late, &code).await.problem(410, "login_challenge_over");
    world.sweep(world.clock.now() + TimeDelta::seconds(1)).await;
    assert_eq!(world.count("login_challenges").await, 0);
    by_code(&world, &ada.challenge(&world).await, &code).await.expect(201);
}

#[tokio::test]
async fn wrong_codes_are_counted_for_the_account_and_only_behind_its_password() {
    let (world, ada) = Enrolled::ada().await;
    for _ in 0..30 {
        by_code(&world, "a-strangers-guess", "123456").await.problem(410, "login_challenge_over");
    }
    for _ in 0..2 {
        let challenge = ada.challenge(&world).await;
        for _ in 0..5 {
            by_code(&world, &challenge, &ada.app.wrong_code(&world)).await.problem(401, "second_factor_wrong");
        }
    }
    let challenge = ada.challenge(&world).await;
    let refused = by_code(&world, &challenge, &ada.app.next_code(&world)).await;
    assert_eq!(refused.header("retry-after"), Some("3570"));
    refused.problem(429, "too_many_codes");
    // What cannot be guessed is not counted.
    let code = json!({"method": "recovery_code", "code": ada.recovery_codes[0]});
    complete(&world, &challenge, code).await.expect(201);
    world.clock.advance(TimeDelta::hours(1));
    ada.log_in(&world).await;
}

#[tokio::test]
async fn a_removed_app_is_not_asked_for() {
    let (world, ada) = Enrolled::ada().await;
    let other = ada.log_in(&world).await;
    assert_eq!(send(&world, &ada.session, Method::DELETE, "/totp").await.status, 204);
    me(&world, &other).await.problem(401, "session_ended");
    send(&world, &ada.session, Method::DELETE, "/totp").await.problem(404, "totp_not_found");
    assert_eq!(world.count("recovery_codes").await, 0, "they stand for a factor");
    password(&world, &ada.account.email).await.expect(201);
    let mails = world.mails("second-factor-changed", &ada.account.email).await;
    assert_eq!(variable(mails.last().unwrap(), "change"), json!("totp_removed"));
}

#[tokio::test]
async fn an_app_that_shows_no_code_is_forgotten() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    confirm(&world, &session, "123456").await.problem(409, "totp_not_begun");
    let first = App::new(&begin(&world, &session).await.expect(200));
    let second = App::new(&begin(&world, &session).await.expect(200));
    confirm(&world, &session, &first.code(&world, 0)).await.invalid(&["code"]);
    world.clock.advance(TimeDelta::minutes(15));
    let again = step_up(&world, &session, json!({"password": PASSWORD})).await.expect(200);
    confirm(&world, &again, &second.code(&world, 0)).await.problem(409, "totp_not_begun");
    world.sweep(world.clock.now() + TimeDelta::seconds(1)).await;
    assert_eq!(world.count("totp_factors").await, 0);
}

#[tokio::test]
async fn a_new_password_is_no_way_around_the_factor() {
    let (world, ada) = Enrolled::ada().await;
    let waiting = ada.challenge(&world).await;
    world.server.post("/v1/password-resets", &json!({"email": ada.account.email})).await.expect(202);
    let link =
        eventually("the link", async || world.mails("reset-password", &ada.account.email).await.first().map(path_of))
            .await;
    let new = "eight leagues, uphill";
    let reset = world.server.post(&link, &json!({"new_password": new})).await;
    let cookie = reset.header("set-cookie").unwrap();
    assert!(cookie.starts_with("device="), "the device is known, and that is all: {cookie}");
    assert_eq!(reset.expect(200), json!({"email": ada.account.email}), "it opens no session");
    by_code(&world, &waiting, &ada.app.next_code(&world)).await.problem(401, "credentials_wrong");
    let log_in = json!({"email": ada.account.email, "password": new});
    let asked = world.server.post("/v1/sessions", &log_in).await.expect(202);
    by_code(&world, text(&asked, "challenge"), &ada.app.next_code(&world)).await.expect(201);
}

#[tokio::test]
async fn a_log_in_that_was_let_in_before_the_factor_came_gets_no_session() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    let app = App::new(&begin(&world, &session).await.expect(200));
    // The password is compared while the factor is being confirmed.
    let mut change_under_way = world.platform.pool.begin().await.unwrap();
    sqlx::query("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE")
        .bind(ada.user.0)
        .execute(&mut *change_under_way)
        .await
        .unwrap();
    sqlx::raw_sql("UPDATE totp_factors SET confirmed_at = now()").execute(&mut *change_under_way).await.unwrap();
    let logging_in = password(&world, &ada.email);
    let committing = async {
        eventually("the log-in waits", async || {
            let waits = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            (world.count(waits).await == 1).then_some(())
        })
        .await;
        change_under_way.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(logging_in, committing);
    let asked = answer.expect(202);
    by_code(&world, text(&asked, "challenge"), &app.code(&world, 0)).await.expect(201);
}

#[tokio::test]
async fn an_outage_uses_up_neither_the_code_nor_the_challenge() {
    let redis = redis_url_of("auth");
    let link = Link::to(&redis).await;
    let world = World::with(&[("REDIS_URL", link.through(&redis))]).await;
    let ada = world.account("ada@acme.test", "Acme").await;
    let ada = Enrolled::by(&world, ada).await;
    let (challenge, code) = (ada.challenge(&world).await, ada.app.next_code(&world));
    link.cut();
    by_code(&world, &challenge, &code).await.problem(503, "unavailable");
    link.mend();
    eventually("Redis is back", async || {
        let answer = by_code(&world, &challenge, &code).await;
        (answer.status != 503).then(|| answer.expect(201))
    })
    .await;
}

#[tokio::test]
async fn what_belongs_to_no_person_has_no_factors() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    world.allow(&ada, &["auth.readMembers"]).await;
    let key = json!({"name": "laptop", "permissions": ["auth.readMembers"]});
    let key = world.server.post("/v1/api-keys", &key).bearer(text(&session, "access_token")).await.expect(201);
    let by_key = json!({"access_token": key["secret"]});
    send(&world, &by_key, Method::GET, "").await.problem(403, "user_session_required");
    begin(&world, &by_key).await.problem(403, "user_session_required");
    step_up(&world, &by_key, json!({"password": PASSWORD})).await.problem(403, "user_session_required");
}
