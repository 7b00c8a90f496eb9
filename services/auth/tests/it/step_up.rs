//! Step-up: what a token is not enough for, and how its holder gets one that is.

use crate::{
    authenticator::{Enrolled, begin, send, step_up},
    support::{PASSWORD, World, text},
};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use test_support::TestAnswer;

const NEW: &str = "eight leagues, uphill";

async fn refreshed(world: &World, session: &Value) -> Value {
    let refresh = json!({"refresh_token": session["refresh_token"]});
    world.server.post("/v1/sessions/refresh", &refresh).await.expect(200)
}

/// Refused, with what would be enough.
#[track_caller]
fn insufficient(answer: TestAnswer, acr: &str) {
    let expected = format!("Bearer error=\"insufficient_user_authentication\", acr_values=\"{acr}\", max_age=\"900\"");
    assert_eq!(answer.header("www-authenticate"), Some(&*expected));
    answer.problem(401, "insufficient_user_authentication");
}

#[tokio::test]
async fn who_has_no_factor_steps_up_by_the_password() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    world.clock.advance(TimeDelta::minutes(15));
    let session = refreshed(&world, &session).await;
    insufficient(begin(&world, &session).await, "aal1");
    step_up(&world, &session, json!({})).await.invalid(&["proof"]);
    step_up(&world, &session, json!({"password": "not my password at all"})).await.invalid(&["password"]);
    let code = json!({"method": "totp", "code": "123456"});
    step_up(&world, &session, json!({"proof": code})).await.invalid(&["proof"]);
    let both = json!({"password": PASSWORD, "proof": code});
    step_up(&world, &session, both).await.invalid(&["proof"]);
    let stepped_up = step_up(&world, &session, json!({"password": PASSWORD})).await.expect(200);
    assert_eq!((text(&stepped_up, "acr"), &stepped_up["expires_in"]), ("aal1", &json!(600)));
    let claims = world.verifier().verify(text(&stepped_up, "access_token")).await.unwrap();
    assert_eq!(claims.auth_time, Some(world.clock.now().timestamp()));
    assert_eq!(claims.sid.unwrap().to_string(), text(&session, "session_id"));
    begin(&world, &stepped_up).await.expect(200);
    // The session remembers.
    begin(&world, &refreshed(&world, &session).await).await.expect(200);
}

#[tokio::test]
async fn who_has_a_factor_steps_up_by_it() {
    let (world, ada) = Enrolled::ada().await;
    world.clock.advance(TimeDelta::minutes(15));
    let session = refreshed(&world, &ada.session).await;
    insufficient(send(&world, &session, Method::DELETE, "/totp").await, "aal2");
    insufficient(send(&world, &session, Method::POST, "/recovery-codes").await, "aal2");
    let change = json!({"current_password": PASSWORD, "new_password": NEW});
    let change = async |session: &Value| {
        world.server.post("/v1/me/password", &change).bearer(text(session, "access_token")).await
    };
    insufficient(change(&session).await, "aal2");
    step_up(&world, &session, json!({"password": PASSWORD})).await.invalid(&["proof"]);
    let wrong = json!({"proof": {"method": "totp", "code": ada.app.wrong_code(&world)}});
    step_up(&world, &session, wrong).await.invalid(&["proof"]);
    let code = ada.app.next_code(&world);
    let right = json!({"proof": {"method": "totp", "code": code}});
    let stepped_up = step_up(&world, &session, right.clone()).await.expect(200);
    assert_eq!(text(&stepped_up, "acr"), "aal2");
    step_up(&world, &session, right).await.invalid(&["proof"]);
    assert_eq!(change(&stepped_up).await.status, 204);
    assert_eq!(send(&world, &stepped_up, Method::DELETE, "/totp").await.status, 204);
}

#[tokio::test]
async fn who_has_no_factor_changes_the_password_as_before() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    world.clock.advance(TimeDelta::hours(1));
    let session = refreshed(&world, &session).await;
    let change = json!({"current_password": PASSWORD, "new_password": NEW});
    let changed = world.server.post("/v1/me/password", &change).bearer(text(&session, "access_token")).await;
    assert_eq!(changed.status, 204);
}

#[tokio::test]
async fn guesses_at_a_step_up_are_few() {
    let (world, ada) = Enrolled::ada().await;
    let guess = json!({"proof": {"method": "totp", "code": ada.app.wrong_code(&world)}});
    for _ in 0..10 {
        step_up(&world, &ada.session, guess.clone()).await.invalid(&["proof"]);
    }
    step_up(&world, &ada.session, guess).await.problem(429, "too_many_codes");
}

/// As an earlier version wrote it.
#[tokio::test]
async fn a_session_without_methods_was_begun_by_the_password() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    let begun = world.clock.now().timestamp();
    let old = "UPDATE sessions SET amr = NULL, authenticated_at = NULL";
    sqlx::raw_sql(old).execute(&world.platform.pool).await.unwrap();
    world.clock.advance(TimeDelta::minutes(1));
    let session = refreshed(&world, &session).await;
    let claims = world.verifier().verify(text(&session, "access_token")).await.unwrap();
    assert_eq!((claims.amr.join(" "), claims.acr.as_deref()), ("pwd".to_owned(), Some("aal1")));
    assert_eq!(claims.auth_time, Some(begun));
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_stepped_up() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    let ended = "UPDATE sessions SET ended_at = now(), end_reason = 'logged_out'";
    sqlx::raw_sql(ended).execute(&world.platform.pool).await.unwrap();
    step_up(&world, &session, json!({"password": PASSWORD})).await.problem(401, "session_ended");
}

#[tokio::test]
async fn factors_are_not_changed_all_the_time() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    for _ in 0..60 {
        begin(&world, &session).await.expect(200);
    }
    begin(&world, &session).await.problem(429, "too_many_requests");
    send(&world, &session, Method::POST, "/recovery-codes").await.problem(429, "too_many_requests");
    assert_eq!(world.count("totp_factors").await, 1);
}
